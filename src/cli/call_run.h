// A call with a key, which is a run: it goes on whatever becomes of this command, and the same
// command said again finds it.
#pragma once

#include <string_view>

#include "cli/call_answer.h"
#include "cli/connection.h"

namespace leanto::cli {

// `call` has the keys of a CALL's head, `body` its arguments. Returns the command's exit code.
int call_as_run(Connection& node, const CallOptions& options, wire::Json call,
                std::string_view body);

}  // namespace leanto::cli
