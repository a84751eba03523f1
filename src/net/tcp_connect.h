// Connecting to an address of another machine.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "net/loop.h"

namespace leanto::net {

// A connected, non-blocking socket. `address` is numeric. kInvalid if it isn't; kNodeLost: nobody
// listens there, or nothing answers within `limit`.
Task<Result<int>> connect_tcp(Loop& loop, std::string address, std::uint16_t port, Duration limit);

}  // namespace leanto::net
