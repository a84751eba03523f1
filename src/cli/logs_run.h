// The log of a run, asked of the node piece by piece; it ends when the run has ended.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "cli/connection.h"
#include "cli/logs_print.h"

namespace leanto::cli {

struct RunLogOptions {
  std::string run;
  std::optional<std::size_t> lines;  // only the last ones of what is there
  bool follow = false;
  LogStyle style = LogStyle::kText;
};

// Returns the command's exit code.
int print_run_log(Connection& node, const RunLogOptions& options, const LogSink& sink);

}  // namespace leanto::cli
