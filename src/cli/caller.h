// Who submits a run, as it goes on record.
#pragma once

#include "wire/head.h"

namespace leanto::cli {

// {"pid", "host", "user"}
wire::Json say_caller();

}  // namespace leanto::cli
