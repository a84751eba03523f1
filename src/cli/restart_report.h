// What a restart does, or would do, as text.
#pragma once

#include <string>
#include <vector>

#include "cli/report.h"

namespace leanto::cli {

// What ends with the node, one line each: objects that have a name, and calls that run. Rows are
// those of "objects"; `status` the answer to "status"; `runs` those that have not ended, which go
// on, as do objects that they run on. Empty: nothing is lost.
std::vector<std::string> what_is_lost(const std::vector<wire::Json>& objects,
                                      const wire::Json& status,
                                      const std::vector<wire::Json>& runs = {});

// The answer to "restart". Nothing was restarted: says so.
std::string restart_report(const wire::Json& answer, std::string_view service);

// Whether old workers still run calls, and whether a new one could not be started.
bool still_runs(const wire::Json& answer);
bool has_failed(const wire::Json& answer);

}  // namespace leanto::cli
