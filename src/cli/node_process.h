// The daemon as another process: starting one in the background, and ending it.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "cli/connection.h"

namespace leanto::cli {

// What of its command line a daemon is started with again: "--listen" and "--warm", with their
// values. `command_line` is as in /proc, with "\0" between the words.
std::vector<std::string> options_to_keep(std::string_view command_line);

// Has this program started as `leanto node --detach OPTION...`, and returns when that listens. Why
// it doesn't goes to stderr.
Status start_node(const std::vector<std::string>& options);

inline constexpr std::chrono::seconds kStopLimit{10};

struct StoppedNode {
  pid_t pid = 0;
  bool has_ended = false;  // false: it was asked to, and hasn't within kStopLimit
};

// Asks the node to end and waits until its process has. Runs end with it, or their workers wait for
// a minute for the next node.
enum class Runs { kEnd, kGoOn };
Result<StoppedNode> stop_node(Connection& node, Runs runs = Runs::kEnd);

}  // namespace leanto::cli
