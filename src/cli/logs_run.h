// The log of a run, asked of the node piece by piece; it ends when the run has ended.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
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

// The log from its beginning, piece by piece.
class RunLog {
 public:
  struct Line {
    wire::OutputStream stream = wire::OutputStream::kStdout;
    std::string text;  // as it is to be printed
  };
  static constexpr int kWaitSeconds = 20;  // less than a connection's limit

  // Both are borrowed.
  RunLog(Connection& node, const RunLogOptions& options) : node_(node), options_(options) {}

  // What comes next; nothing there: an empty list. `wait_seconds`: for how long that is waited for.
  // After an error the same can be asked again.
  Result<std::deque<Line>> read(int wait_seconds);
  // The run has ended, and all was read.
  bool ended() const { return ended_; }

 private:
  Connection& node_;
  const RunLogOptions& options_;
  std::uint64_t offset_ = 0;
  bool ended_ = false;
};

// Returns the command's exit code.
int print_run_log(Connection& node, const RunLogOptions& options, const LogSink& sink);

}  // namespace leanto::cli
