#include "net/channel.h"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "wire/head.h"

namespace leanto::net {

namespace asio = boost::asio;
using wire::FrameType;

Channel::Channel(Loop& loop, ChannelPort& port, std::uint32_t number, int socket)
    : port_(&port), number_(number), socket_(loop.context()) {
  socket_.assign(asio::generic::stream_protocol(AF_UNIX, 0), socket);
  socket_.native_non_blocking(true);
}

void Channel::wait_readable() {
  if (waits_readable_ || said_closed_ || !socket_.is_open()) return;
  waits_readable_ = true;
  auto resume = [self = shared_from_this()](const boost::system::error_code& error) {
    self->waits_readable_ = false;
    if (!error) self->send_more();
  };
  socket_.async_wait(Socket::wait_read, std::move(resume));
}

void Channel::go_on() {
  waits_room_ = false;
  send_more();
}

// At most one piece a turn, so that channels take turns.
void Channel::send_more() {
  if (port_ == nullptr || said_closed_ || !socket_.is_open() || waits_room_) return;
  if (window_ == 0) return;  // on_window goes on
  if (!port_->has_room()) {
    waits_room_ = true;
    return port_->wait_for_room(shared_from_this());
  }
  static thread_local std::shared_ptr<char[]> piece;  // of all channels, until it's given away
  if (!piece) piece = std::make_shared_for_overwrite<char[]>(kPiece);
  const std::size_t most = std::min<std::uint64_t>(kPiece, window_);
  const ssize_t size = ::recv(socket_.native_handle(), piece.get(), most, MSG_DONTWAIT);
  if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
    return wait_readable();
  if (size <= 0) return say_closed();
  window_ -= static_cast<std::size_t>(size);
  const auto count = static_cast<std::size_t>(size);
  wire::Body body = count < kPiece / 2 ? wire::Body(std::string_view(piece.get(), count)).to_owned()
                                       : wire::Body(std::exchange(piece, nullptr), count);
  port_->send(FrameType::kData, number_, {}, std::move(body));
  wait_readable();
}

void Channel::say_closed() {
  if (port_ == nullptr || std::exchange(said_closed_, true)) return;
  port_->send(FrameType::kClose, number_, {}, {});
  close_if_done();
}

void Channel::on_window(std::uint64_t more) {
  const bool was_shut = window_ == 0;
  window_ = std::min<std::uint64_t>(window_ + more, 2 * kMaxWindow);
  if (was_shut) send_more();
}

Status Channel::on_data(wire::Body body) {
  if (body.size() > granted_) {
    return fail(ErrorKind::kProtocol, "{} bytes came on a channel that had {} left", body.size(),
                granted_);
  }
  granted_ -= body.size();
  if (!socket_.is_open()) return {};  // its reader has left
  if (queue_.empty()) {
    const std::string_view bytes = body.view();
    const ssize_t written =
        ::send(socket_.native_handle(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (written == static_cast<ssize_t>(bytes.size())) {
      consumed(bytes.size());
      return {};
    }
    if (written > 0) {
      first_offset_ = static_cast<std::size_t>(written);
      consumed(first_offset_);
    }
  }
  queue_.push_back(std::move(body).to_owned());
  write_more();
  return {};
}

void Channel::write_more() {
  while (!queue_.empty() && socket_.is_open()) {
    const std::string_view bytes = queue_.front().view().substr(first_offset_);
    const ssize_t written =
        ::send(socket_.native_handle(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (written < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN && errno != EWOULDBLOCK) {  // its reader has left
        queue_.clear();
        boost::system::error_code ignored;
        socket_.close(ignored);
        say_closed();
        return close_if_done();
      }
      if (waits_writable_) return;
      waits_writable_ = true;
      auto resume = [self = shared_from_this()](const boost::system::error_code& error) {
        self->waits_writable_ = false;
        if (!error) self->write_more();
      };
      return socket_.async_wait(Socket::wait_write, std::move(resume));
    }
    first_offset_ += static_cast<std::size_t>(written);
    consumed(static_cast<std::size_t>(written));
    if (first_offset_ == queue_.front().size()) {
      queue_.pop_front();
      first_offset_ = 0;
    }
  }
  close_if_done();
}

// The window is opened again when a quarter of it has been read, and twice as far while it's not
// the largest.
void Channel::consumed(std::size_t size) {
  consumed_ += size;
  if (port_ == nullptr || peer_closed_ || consumed_ < full_window_ / 4) return;
  std::size_t more = std::exchange(consumed_, 0);
  const std::size_t grown = std::min(full_window_ * 2, kMaxWindow) - full_window_;
  if (queue_.empty() || first_offset_ > 0) {
    more += grown;
    full_window_ += grown;
  }
  granted_ += more;
  port_->send(FrameType::kWindow, number_, wire::encode_head({{"n", more}}), {});
}

void Channel::on_peer_closed() {
  peer_closed_ = true;
  close_if_done();
}

void Channel::close_if_done() {
  if (!peer_closed_ || !queue_.empty() || port_ == nullptr) return;
  const std::shared_ptr<Channel> self = shared_from_this();
  boost::system::error_code ignored;
  if (socket_.is_open()) socket_.close(ignored);
  if (!std::exchange(said_closed_, true)) port_->send(FrameType::kClose, number_, {}, {});
  std::exchange(port_, nullptr)->on_closed(number_);
}

void Channel::end() {
  port_ = nullptr;
  queue_.clear();
  boost::system::error_code ignored;
  if (socket_.is_open()) socket_.close(ignored);
}

}  // namespace leanto::net
