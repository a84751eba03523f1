#include "net/tls_join.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace leanto::net {

namespace asio = boost::asio;

namespace {

// What the peer still says after our end is read for so long, because closing with something unread
// would take away what it hasn't read yet.
constexpr Duration kLinger = std::chrono::seconds(2);
constexpr Duration kStall = std::chrono::seconds(60);  // for it to take the last piece before that
constexpr int kInnerBuffer = 1 << 20;

using Piece = std::array<char, TlsJoin::kPiece>;

// One for all connections of a thread: what isn't delivered at once is copied.
Piece& shared_piece() {
  static thread_local const auto kShared = std::make_unique<Piece>();
  return *kShared;
}

bool is_later(int error_number) {
  return error_number == EAGAIN || error_number == EWOULDBLOCK || error_number == EINTR;
}

}  // namespace

TlsJoin::TlsJoin(Loop& loop, Socket peer, std::unique_ptr<TlsSession> session, int inner,
                 std::shared_ptr<void> held)
    : loop_(loop),
      peer_(std::move(peer)),
      session_(std::move(session)),
      inner_(loop.context()),
      linger_(loop.context()),
      held_(std::move(held)) {
  if (inner < 0) return;
  inner_.assign(asio::generic::stream_protocol(AF_UNIX, 0), inner);
  inner_.native_non_blocking(true);
  ::setsockopt(inner, SOL_SOCKET, SO_SNDBUF, &kInnerBuffer, sizeof kInnerBuffer);
}

void TlsJoin::start() {
  wait_inner_readable();
  read_peer();  // something may have been read with the handshake
}

void TlsJoin::finish(Loop& loop, Socket peer, std::unique_ptr<TlsSession> session,
                     std::shared_ptr<void> held) {
  std::make_shared<TlsJoin>(loop, std::move(peer), std::move(session), -1, std::move(held))
      ->on_inner_end();
}

// From the peer

void TlsJoin::read_peer() {
  if (!peer_.is_open() || peer_ended_ || !pending_.empty()) return;
  Piece& piece = shared_piece();
  const TlsSession::Read read = session_->read(piece.data(), piece.size());
  if (read.size > 0 && !inner_ended_ && !inner_deaf_) deliver({piece.data(), read.size});
  if (!flush()) return;  // TLS may have had to answer something
  switch (read.step) {
    case TlsStep::kDone: {
      if (std::exchange(reads_soon_, true)) return;
      auto read_on = [self = shared_from_this()] {
        self->reads_soon_ = false;
        self->read_peer();
      };
      return loop_.post(std::move(read_on));
    }
    case TlsStep::kWaits:
      return wait_peer_readable();
    case TlsStep::kEnded:
      peer_ended_ = true;
      if (pending_.empty()) end_inner();
      return close_if_done();
    case TlsStep::kBroken:
      return close();
  }
}

void TlsJoin::deliver(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t size =
        ::send(inner_.native_handle(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (size > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(size));
    } else if (is_later(errno)) {
      pending_.assign(bytes);
      return wait_inner_writable();
    } else {
      inner_deaf_ = true;  // its end is read after what it has said
      return;
    }
  }
}

// Whoever has the other end of the pair reads the end.
void TlsJoin::end_inner() {
  if (std::exchange(inner_shut_, true) || inner_ended_) return;
  ::shutdown(inner_.native_handle(), SHUT_WR);
}

// To the peer

void TlsJoin::read_inner() {
  if (!peer_.is_open() || inner_ended_ || session_->has_outgoing()) return;
  Piece& piece = shared_piece();
  const ssize_t size = ::recv(inner_.native_handle(), piece.data(), piece.size(), MSG_DONTWAIT);
  if (size < 0 && is_later(errno)) return wait_inner_readable();
  if (size <= 0) return on_inner_end();
  const TlsStep written = session_->write({piece.data(), static_cast<std::size_t>(size)});
  if (written != TlsStep::kDone) return close();
  if (flush()) wait_inner_readable();
}

void TlsJoin::on_inner_end() {
  if (std::exchange(inner_ended_, true)) return;
  pending_.clear();
  boost::system::error_code ignored;
  inner_.close(ignored);
  session_->write_end();
  close_after(kStall);
  if (!flush()) return;
  read_peer();
  close_if_done();
}

// False while something is left, or when the connection is broken.
bool TlsJoin::flush() {
  switch (session_->flush()) {
    case TlsStep::kDone:
      break;
    case TlsStep::kWaits:
      wait_peer_writable();
      return false;
    default:
      close();
      return false;
  }
  if (inner_ended_ && !std::exchange(peer_shut_, true)) {
    ::shutdown(peer_.native_handle(), SHUT_WR);
    close_after(kLinger);
  }
  return true;
}

void TlsJoin::close_after(Duration limit) {
  linger_.expires_after(std::chrono::duration_cast<asio::steady_timer::duration>(limit));
  auto give_up = [self = shared_from_this()](const boost::system::error_code& error) {
    if (!error) self->close();
  };
  linger_.async_wait(std::move(give_up));
}

void TlsJoin::close_if_done() {
  if (peer_ended_ && inner_ended_ && !session_->has_outgoing()) close();
}

void TlsJoin::close() {
  boost::system::error_code ignored;
  linger_.cancel();
  peer_.close(ignored);
  inner_.close(ignored);
  held_ = nullptr;
}

// Waiting: at most once at a time for each

void TlsJoin::wait_peer_readable() {
  if (waits_peer_readable_ || !peer_.is_open()) return;
  waits_peer_readable_ = true;
  auto resume = [self = shared_from_this()](const boost::system::error_code& error) {
    self->waits_peer_readable_ = false;
    if (!error) self->read_peer();
  };
  peer_.async_wait(Socket::wait_read, std::move(resume));
}

void TlsJoin::wait_peer_writable() {
  if (waits_peer_writable_ || !peer_.is_open()) return;
  waits_peer_writable_ = true;
  auto resume = [self = shared_from_this()](const boost::system::error_code& error) {
    self->waits_peer_writable_ = false;
    if (error || !self->flush()) return;
    self->read_inner();
    self->read_peer();
    self->close_if_done();
  };
  peer_.async_wait(Socket::wait_write, std::move(resume));
}

void TlsJoin::wait_inner_readable() {
  if (waits_inner_readable_ || inner_ended_ || !inner_.is_open()) return;
  waits_inner_readable_ = true;
  auto resume = [self = shared_from_this()](const boost::system::error_code& error) {
    self->waits_inner_readable_ = false;
    if (!error) self->read_inner();
  };
  inner_.async_wait(Socket::wait_read, std::move(resume));
}

void TlsJoin::wait_inner_writable() {
  if (waits_inner_writable_ || inner_ended_ || !inner_.is_open()) return;
  waits_inner_writable_ = true;
  auto resume = [self = shared_from_this()](const boost::system::error_code& error) {
    self->waits_inner_writable_ = false;
    if (error) return;
    const std::string pending = std::exchange(self->pending_, {});
    self->deliver(pending);
    if (!self->pending_.empty()) return;
    if (self->peer_ended_) self->end_inner();
    self->read_peer();
    self->close_if_done();
  };
  inner_.async_wait(Socket::wait_write, std::move(resume));
}

}  // namespace leanto::net
