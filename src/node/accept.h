// Connections to a socket that listens.
#pragma once

#include <functional>

#include "net/loop.h"
#include "os/unique_fd.h"

namespace leanto::node {

// Hands each connection on, non-blocking and close-on-exec, for as long as the loop runs.
net::Task<> accept_all(net::Loop& loop, UniqueFd listener,
                       std::function<void(UniqueFd)> on_connection);

}  // namespace leanto::node
