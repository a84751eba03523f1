#include "net/frame_stream.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <cerrno>
#include <exception>
#include <utility>

#include "net/tls_join.h"

namespace leanto::net {

namespace asio = boost::asio;

namespace {

constexpr std::size_t kOwnChunk = 32 << 10;  // from here on a body is sent from where it lies
constexpr std::size_t kMaxPieces = 16;
constexpr std::size_t kTlsPiece = 256 << 10;  // how much is encrypted before it's sent
constexpr std::size_t kTlsTurns = 8;  // pieces, before others get their turn: a fast peer takes all

}  // namespace

void Outgoing::add(std::shared_ptr<FrameStream> stream) {
  waiting_.push_back(std::move(stream));
  if (batches_ > 0 || flush_posted_) return;
  flush_posted_ = true;
  loop_.post([this] {
    flush_posted_ = false;
    flush();
  });
}

void Outgoing::end_batch() {
  if (--batches_ == 0) flush();
}

void Outgoing::flush() {
  while (!waiting_.empty()) {
    const std::shared_ptr<FrameStream> stream = std::move(waiting_.front());
    waiting_.pop_front();
    stream->flush();
  }
}

FrameStream::FrameStream(Loop& loop, Outgoing& outgoing, Connection connection,
                         wire::FrameLimits limits)
    : loop_(loop),
      outgoing_(outgoing),
      socket_(loop.context()),
      tls_(connection.take_tls()),
      held_(connection.take_held()),
      decoder_(limits) {
  // The family matters only for addresses, which are not asked for.
  socket_.assign(asio::generic::stream_protocol(AF_UNIX, 0), connection.release_socket());
  socket_.native_non_blocking(true);
}

Task<Status> FrameStream::receive(OnFrame on_frame) {
  const std::shared_ptr<FrameStream> self = shared_from_this();
  while (true) {
    const wire::FrameDecoder::Room room = decoder_.prepare();
    std::size_t size = 0;
    if (tls_) {
      const std::optional<std::size_t> read = co_await read_by_tls(room);
      if (!read) co_return Status{};
      size = *read;
    } else {
      boost::system::error_code error;
      auto buffer = asio::buffer(room.data, room.size);
      auto token = asio::redirect_error(asio::use_awaitable, error);
      size = co_await socket_.async_read_some(buffer, token);
      if (error == asio::error::eof || error == asio::error::operation_aborted ||
          error == asio::error::connection_reset || error == asio::error::bad_descriptor) {
        co_return Status{};
      }
      if (error) co_return fail(ErrorKind::kProtocol, "reading from a peer: {}", error.message());
    }
    decoder_.commit(size);
    ++batch_;
    outgoing_.begin_batch();
    Status handled;
    try {
      handled = handle_batch(on_frame);
    } catch (const std::exception& exception) {  // a defect must cost this peer its connection, not
                                                 // all of them theirs
      handled = fail(ErrorKind::kInternal, "handling what a peer sent: {}", exception.what());
    }
    outgoing_.end_batch();
    if (!handled) co_return handled;
  }
}

Task<std::optional<std::size_t>> FrameStream::read_by_tls(wire::FrameDecoder::Room room) {
  // What TLS has read ahead makes no socket readable, so others get their turn this way.
  if (tls_has_more_) co_await asio::post(loop_.context(), asio::use_awaitable);
  while (tls_) {
    const TlsSession::Read read = tls_->read(room.data, room.size);
    tls_has_more_ = read.step == TlsStep::kDone;
    if (tls_->has_outgoing()) flush();  // TLS may have had to answer something
    if (read.size > 0) co_return read.size;
    if (!tls_ || read.step != TlsStep::kWaits) break;
    boost::system::error_code error;
    auto token = asio::redirect_error(asio::use_awaitable, error);
    co_await socket_.async_wait(Socket::wait_read, token);
    if (error) break;
  }
  co_return std::nullopt;
}

Status FrameStream::handle_batch(const OnFrame& on_frame) {
  while (is_open()) {
    Result<std::optional<wire::Frame>> frame = decoder_.next();
    if (!frame) return Failure(frame.error());
    if (!*frame) break;
    on_frame(**frame);
  }
  return {};
}

void FrameStream::send(wire::FrameType type, std::uint32_t stream, std::string_view head,
                       wire::Body body) {
  if (!is_open()) return;
  const wire::FrameHeader header{type, stream, static_cast<std::uint32_t>(head.size()),
                                 body.size()};
  if (chunks_.empty() || chunks_.back().body.owns()) chunks_.emplace_back();
  std::string& text = chunks_.back().text;
  wire::append_header(text, header);
  text += head;
  queued_bytes_ += wire::kHeaderSize + head.size() + body.size();
  if (body.size() >= kOwnChunk) {
    chunks_.push_back({{}, std::move(body).to_owned()});
  } else {
    text += body.view();
  }
  if (in_outgoing_ || waits_writable_) return;
  in_outgoing_ = true;
  outgoing_.add(shared_from_this());
}

void FrameStream::flush() {
  in_outgoing_ = false;
  std::size_t turns = 0;
  while (is_open() && (queued_bytes_ > 0 || (tls_ && tls_->has_outgoing()))) {
    if (tls_ && ++turns > kTlsTurns) return go_on_soon();
    if (!(tls_ ? write_some_by_tls() : write_some())) return;
  }
}

// False when the socket takes no more for now, or is broken.
bool FrameStream::write_some() {
  std::array<iovec, kMaxPieces> pieces;
  std::size_t count = 0;
  std::size_t skip = first_offset_;
  for (const Chunk& chunk : chunks_) {
    if (count == kMaxPieces) break;
    const std::string_view bytes = chunk.bytes().substr(skip);
    skip = 0;
    pieces[count++] = {const_cast<char*>(bytes.data()), bytes.size()};
  }
  msghdr message{};
  message.msg_iov = pieces.data();
  message.msg_iovlen = count;
  const ssize_t written = ::sendmsg(socket_.native_handle(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (written >= 0) {
    drop_written(static_cast<std::size_t>(written));
    return true;
  }
  if (errno == EINTR) return true;
  if (errno == EAGAIN || errno == EWOULDBLOCK) {
    wait_until_writable();
  } else {
    close();
  }
  return false;
}

// As write_some.
bool FrameStream::write_some_by_tls() {
  std::size_t most = tls_->has_outgoing() ? 0 : kTlsPiece;
  while (queued_bytes_ > 0 && most > 0) {
    const std::string_view bytes = chunks_.front().bytes().substr(first_offset_, most);
    if (tls_->write(bytes) != TlsStep::kDone) {
      close();
      return false;
    }
    most -= bytes.size();
    drop_written(bytes.size());
  }
  const TlsStep flushed = tls_->flush();
  if (flushed == TlsStep::kDone) return true;
  if (flushed == TlsStep::kWaits) {
    wait_until_writable();
  } else {
    close();
  }
  return false;
}

void FrameStream::drop_written(std::size_t size) {
  queued_bytes_ -= size;
  size += first_offset_;
  while (!chunks_.empty() && size >= chunks_.front().bytes().size()) {
    size -= chunks_.front().bytes().size();
    if (chunks_.size() == 1 && !chunks_.front().body.owns() &&
        chunks_.front().text.size() < kOwnChunk) {
      chunks_.front().text.clear();  // kept, so that the next frame allocates nothing
      break;
    }
    chunks_.pop_front();
  }
  first_offset_ = size;
}

void FrameStream::wait_until_writable() {
  if (waits_writable_) return;
  waits_writable_ = true;
  auto resume = [self = shared_from_this()](const boost::system::error_code& error) {
    self->waits_writable_ = false;
    if (!error) self->go_on();
  };
  socket_.async_wait(Socket::wait_write, std::move(resume));
}

void FrameStream::go_on_soon() {
  in_outgoing_ = true;  // as if it were
  loop_.post([self = shared_from_this()] { self->go_on(); });
}

void FrameStream::go_on() {
  flush();
  if (on_drained_ && queued_bytes_ == 0) on_drained_();
}

void FrameStream::close() {
  boost::system::error_code ignored;
  if (tls_) {
    socket_.cancel(ignored);
    TlsJoin::finish(loop_, std::move(socket_), std::move(tls_), std::move(held_));
  } else {
    socket_.close(ignored);
  }
  chunks_.clear();
  first_offset_ = 0;
  queued_bytes_ = 0;
}

}  // namespace leanto::net
