#include "net/byte_stream.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <utility>

namespace leanto::net {

namespace asio = boost::asio;
using Descriptor = asio::posix::stream_descriptor;

ByteStream::ByteStream(Loop& loop, int socket)
    : state_(std::make_shared<State>(
          State{Descriptor(loop.context(), socket), asio::steady_timer(loop.context())})) {
  state_->descriptor.native_non_blocking(true);
}

Task<ByteStream::Ready> ByteStream::wait(Descriptor::wait_type what, MonotonicTime until) {
  const std::shared_ptr<State> state = state_;
  const std::uint64_t number = ++state->waits;
  state->limit.expires_at(until);
  auto give_up = [weak = std::weak_ptr<State>(state), number](boost::system::error_code error) {
    const std::shared_ptr<State> waited = weak.lock();
    if (!error && waited && waited->waits == number) waited->descriptor.cancel();
  };
  state->limit.async_wait(std::move(give_up));
  boost::system::error_code error;
  auto token = asio::redirect_error(asio::use_awaitable, error);
  co_await state->descriptor.async_wait(what, token);
  ++state->waits;
  state->limit.cancel();
  co_return error ? Ready::kTooLate : Ready::kYes;
}

// Looks first, so that nothing behind the line is taken.
ByteStream::Taken ByteStream::take_some() {
  std::array<char, 16 * 1024> buffer;
  const int socket = state_->descriptor.native_handle();
  ssize_t size = 0;
  do {
    size = ::recv(socket, buffer.data(), buffer.size(), MSG_PEEK | MSG_DONTWAIT);
  } while (size < 0 && errno == EINTR);
  if (size < 0) return errno == EAGAIN ? Taken::kNothingYet : Taken::kEnd;
  if (size == 0) return Taken::kEnd;
  const std::string_view seen(buffer.data(), static_cast<std::size_t>(size));
  const std::size_t end = seen.find('\n');
  const std::size_t length = std::min(end, seen.size());
  const std::size_t taken = end == std::string_view::npos ? length : length + 1;
  if (::recv(socket, buffer.data(), taken, MSG_DONTWAIT) != static_cast<ssize_t>(taken)) {
    return Taken::kEnd;
  }
  line_ += seen.substr(0, length);
  return end == std::string_view::npos ? Taken::kPart : Taken::kLine;
}

Task<Result<std::optional<std::string>>> ByteStream::read_line(Duration limit) {
  const MonotonicTime until = std::chrono::steady_clock::now() + limit;
  while (true) {
    const Taken taken = take_some();
    if (taken == Taken::kEnd) co_return std::nullopt;
    if (taken == Taken::kLine || line_.size() >= kMostOfALine) {
      if (line_.ends_with('\r')) line_.pop_back();
      co_return std::exchange(line_, {});
    }
    if (taken == Taken::kPart) continue;
    if (co_await wait(Descriptor::wait_read, until) == Ready::kTooLate) {
      co_return fail(ErrorKind::kTimeout, "nothing came");
    }
  }
}

Task<Status> ByteStream::write(std::string_view bytes, Duration limit) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(state_->descriptor.native_handle(), bytes.data(), bytes.size(),
                                MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent >= 0) bytes.remove_prefix(static_cast<std::size_t>(sent));
    if (sent >= 0 || errno == EINTR) continue;
    if (errno != EAGAIN) co_return fail_errno(ErrorKind::kNodeLost, errno, "write");
    const MonotonicTime until = std::chrono::steady_clock::now() + limit;
    if (co_await wait(Descriptor::wait_write, until) == Ready::kTooLate) {
      co_return fail(ErrorKind::kTimeout, "nothing was taken");
    }
  }
  co_return Status{};
}

bool ByteStream::is_readable() const {
  char byte = 0;
  const int socket = state_->descriptor.native_handle();
  return ::recv(socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 || errno != EAGAIN;
}

int ByteStream::release() { return state_->descriptor.release(); }

}  // namespace leanto::net
