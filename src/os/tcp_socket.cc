#include "os/tcp_socket.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <charconv>

namespace leanto {

namespace {

constexpr int kBacklog = 512;

union AnyAddress {
  sockaddr any;
  sockaddr_in v4;
  sockaddr_in6 v6;
};

// False if the host is no numeric address.
bool encode(const TcpAddress& address, AnyAddress& out, socklen_t& size) {
  out = {};
  if (address.is_ipv6()) {
    out.v6.sin6_family = AF_INET6;
    out.v6.sin6_port = htons(address.port);
    size = sizeof out.v6;
    return ::inet_pton(AF_INET6, address.host.c_str(), &out.v6.sin6_addr) == 1;
  }
  out.v4.sin_family = AF_INET;
  out.v4.sin_port = htons(address.port);
  size = sizeof out.v4;
  return ::inet_pton(AF_INET, address.host.c_str(), &out.v4.sin_addr) == 1;
}

Failure not_an_address(std::string_view text) {
  return fail(ErrorKind::kInvalid,
              "'{}' is no address to listen on; write one like 127.0.0.1:8080 or [::1]:8080", text);
}

ErrorKind kind_of(int error_number) {
  if (error_number == EADDRINUSE) return ErrorKind::kAlreadyExists;
  if (error_number == EACCES) return ErrorKind::kAccessDenied;
  return ErrorKind::kInternal;
}

}  // namespace

bool TcpAddress::is_loopback() const {
  AnyAddress address;
  socklen_t size = 0;
  if (!encode(*this, address, size)) return false;
  if (is_ipv6()) return IN6_IS_ADDR_LOOPBACK(&address.v6.sin6_addr);
  return (ntohl(address.v4.sin_addr.s_addr) >> 24) == 127;
}

std::string TcpAddress::text() const {
  return is_ipv6() ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

Result<TcpAddress> parse_tcp_address(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return not_an_address(text);
  std::string_view host = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);
  const bool bracketed = host.starts_with('[') && host.ends_with(']');
  if (bracketed) host = host.substr(1, host.size() - 2);
  TcpAddress address{host == "localhost" ? "127.0.0.1" : std::string(host), 0};
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), address.port);
  AnyAddress encoded;
  socklen_t size = 0;
  if (error != std::errc() || end != port.data() + port.size() || bracketed != address.is_ipv6() ||
      !encode(address, encoded, size)) {
    return not_an_address(text);
  }
  return address;
}

Result<UniqueFd> listen_tcp(const TcpAddress& address) {
  AnyAddress encoded;
  socklen_t size = 0;
  if (!encode(address, encoded, size)) return not_an_address(address.text());
  const std::string attempted = "listen on " + address.text();
  UniqueFd socket(::socket(encoded.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket) return fail_errno(ErrorKind::kInternal, errno, attempted);
  const int on = 1;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(socket.get(), &encoded.any, size) != 0 || ::listen(socket.get(), kBacklog) != 0) {
    return fail_errno(kind_of(errno), errno, attempted);
  }
  return socket;
}

Result<TcpAddress> local_address(int socket) {
  AnyAddress address{};
  socklen_t size = sizeof address;
  if (::getsockname(socket, &address.any, &size) != 0) {
    return fail_errno(ErrorKind::kInternal, errno, "ask for a socket's address");
  }
  char host[INET6_ADDRSTRLEN] = {};
  if (address.any.sa_family == AF_INET6) {
    ::inet_ntop(AF_INET6, &address.v6.sin6_addr, host, sizeof host);
    return TcpAddress{host, ntohs(address.v6.sin6_port)};
  }
  ::inet_ntop(AF_INET, &address.v4.sin_addr, host, sizeof host);
  return TcpAddress{host, ntohs(address.v4.sin_port)};
}

}  // namespace leanto
