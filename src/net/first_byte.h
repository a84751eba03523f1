// Which protocol a connection speaks: told by its first byte, which is left to be read.
#pragma once

#include <cstdint>
#include <optional>

#include "net/loop.h"

namespace leanto::net {

// The byte if it's there already; waits for nothing.
std::optional<std::uint8_t> peek_first_byte(int socket);

struct FirstByte {
  int socket;  // the caller's again
  std::uint8_t byte;
};

// Takes the socket over, waits until the peer has sent something, and gives it back; nothing, and
// the socket is closed, if the peer hung up instead.
Task<std::optional<FirstByte>> wait_for_first_byte(Loop& loop, int socket);

}  // namespace leanto::net
