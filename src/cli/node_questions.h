// Questions to the node that more than one command asks.
#pragma once

#include <vector>

#include "cli/connection.h"

namespace leanto::cli {

Result<wire::Json> ask_for_status(Connection& node);
// Everything in the node's memory; see cli/objects_report.h for the members.
Result<std::vector<wire::Json>> ask_for_objects(Connection& node);
// Those that are queued or running; none if it can't say.
std::vector<wire::Json> ask_for_begun_runs(Connection& node);

}  // namespace leanto::cli
