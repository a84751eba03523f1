// What carries bytes to a peer: a connected, non-blocking socket of any family, and the TLS that is
// spoken on it, if any.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "base/result.h"
#include "net/loop.h"
#include "net/tls_session.h"

namespace leanto::net {

class Connection {
 public:
  Connection() = default;
  Connection(int socket) : socket_(socket) {}  // NOLINT: a socket is a connection; it's taken over
  // After the handshake. `held` goes when the connection has ended.
  Connection(int socket, std::unique_ptr<TlsSession> tls, std::shared_ptr<void> held)
      : socket_(socket), tls_(std::move(tls)), held_(std::move(held)) {}
  Connection(Connection&& other) noexcept
      : socket_(std::exchange(other.socket_, -1)),
        tls_(std::move(other.tls_)),
        held_(std::move(other.held_)) {}
  Connection& operator=(Connection&& other) noexcept;
  ~Connection();

  bool is_open() const { return socket_ >= 0; }
  bool has_tls() const { return tls_ != nullptr; }
  int socket() const { return socket_; }
  // What the peer has said first, if that has come.
  std::optional<std::uint8_t> peek_first_byte();

  // For who knows nothing of TLS: the socket, or one that is joined to it. The caller's.
  static Result<int> to_socket(Loop& loop, Connection connection);

  int release_socket() { return std::exchange(socket_, -1); }
  std::unique_ptr<TlsSession> take_tls() { return std::move(tls_); }
  std::shared_ptr<void> take_held() { return std::move(held_); }

 private:
  int socket_ = -1;
  std::unique_ptr<TlsSession> tls_;  // goes before its socket is closed
  std::shared_ptr<void> held_;
};

}  // namespace leanto::net
