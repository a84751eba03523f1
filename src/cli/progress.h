// A line that says what is waited for, on a terminal only, and gone when the wait is over.
#pragma once

#include <chrono>
#include <string>
#include <utility>

#include "cli/connection.h"

namespace leanto::cli {

class Progress {
 public:
  // Nothing is shown before the first `tick` after a moment, and nothing where stderr is no
  // terminal.
  explicit Progress(std::string what);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // Shows the line, with how long it has taken. To be called a few times a second.
  void tick();
  // Takes the line away.
  void end();
  // What is under way from now on.
  void set(std::string what) { what_ = std::move(what); }

 private:
  std::string what_;
  const bool shows_;
  const std::chrono::steady_clock::time_point began_;
  bool shown_ = false;
};

// `node.ask`, with a line that says `what` is under way if it takes longer than a moment.
Result<Reply> ask_with_progress(Connection& node, const wire::Json& question, std::string what);
// The same for what has steps, which the node names as it comes to them.
Result<Reply> ask_with_steps(Connection& node, const wire::Json& question, std::string what);

}  // namespace leanto::cli
