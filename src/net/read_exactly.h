// The first bytes of a connection, and not one more: the rest is somebody else's to read.
#pragma once

#include <optional>
#include <string>

#include "net/loop.h"

namespace leanto::net {

struct ReadExactly {
  int socket;  // the caller's again
  std::string bytes;
};

// Takes the socket over, waits until `size` bytes have come, and gives it back; nothing, and the
// socket is closed, if the peer hung up before or takes longer than `limit`.
Task<std::optional<ReadExactly>> read_exactly(Loop& loop, int socket, std::size_t size,
                                              Duration limit);

}  // namespace leanto::net
