// What commands do that ask this user's node something: connect, or say that there is none.
#pragma once

#include <functional>

#include "cli/command.h"
#include "cli/connection.h"

namespace leanto::cli {

// What it is for a command that no node runs: an answer like another, to stdout, or an error.
// kStart: a node is started first.
enum class NoNode { kAnswer, kError, kStart };

// Connects, and returns what `use` returns. Without a node: says so (with kJson
// {"running": false, "socket": PATH}) and returns kNotRunning.
// `limit`: how long the node may say nothing.
int with_node(Format format, NoNode no_node, const std::function<int(Connection&)>& use,
              Duration limit = Connection::kLimit);

}  // namespace leanto::cli
