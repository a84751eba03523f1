#include "net/connection.h"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "net/first_byte.h"
#include "net/tls_join.h"

namespace leanto::net {

Connection& Connection::operator=(Connection&& other) noexcept {
  std::swap(socket_, other.socket_);
  std::swap(tls_, other.tls_);
  std::swap(held_, other.held_);
  return *this;
}

Connection::~Connection() {
  tls_ = nullptr;
  if (socket_ >= 0) ::close(socket_);
}

std::optional<std::uint8_t> Connection::peek_first_byte() {
  if (!tls_) return net::peek_first_byte(socket_);
  std::uint8_t byte = 0;
  if (tls_->peek(byte) != TlsStep::kDone) return std::nullopt;
  return byte;
}

Result<int> Connection::to_socket(Loop& loop, Connection connection) {
  if (!connection.has_tls()) return connection.release_socket();
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) != 0)
    return fail_errno(ErrorKind::kCapacity, errno, "a pair of sockets for TLS");
  TlsJoin::Socket peer(loop.context());
  peer.assign(boost::asio::generic::stream_protocol(AF_INET, 0), connection.release_socket());
  peer.native_non_blocking(true);
  std::make_shared<TlsJoin>(loop, std::move(peer), connection.take_tls(), ends[0],
                            connection.take_held())
      ->start();
  return ends[1];
}

}  // namespace leanto::net
