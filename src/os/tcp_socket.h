// TCP addresses as people write them, and listening on one. Names are not looked up: an address is
// numeric, or "localhost".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "os/unique_fd.h"

namespace leanto {

struct TcpAddress {
  std::string host;  // "127.0.0.1", "::1"
  std::uint16_t port = 0;

  bool is_ipv6() const { return host.find(':') != std::string::npos; }
  // Only programs of this machine can reach it.
  bool is_loopback() const;
  std::string text() const;  // "127.0.0.1:8080", "[::1]:8080"

  friend bool operator==(const TcpAddress&, const TcpAddress&) = default;
};

// "127.0.0.1:8080", "[::1]:8080", "localhost:8080". Port 0 lets the kernel choose one. kInvalid.
Result<TcpAddress> parse_tcp_address(std::string_view text);

// kAlreadyExists if somebody listens there, kAccessDenied for a port that only root may have.
Result<UniqueFd> listen_tcp(const TcpAddress& address);
// Where a socket listens: with the port that the kernel chose.
Result<TcpAddress> local_address(int socket);

}  // namespace leanto
