#include "net/read_exactly.h"

#include <sys/socket.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <cerrno>
#include <memory>

namespace leanto::net {

namespace asio = boost::asio;

Task<std::optional<ReadExactly>> read_exactly(Loop& loop, int socket, std::size_t size,
                                              Duration limit) {
  asio::posix::stream_descriptor watched(loop.context(), socket);
  asio::steady_timer timer(loop.context(), limit);
  const auto late = std::make_shared<bool>(false);
  auto give_up = [late, &watched](const boost::system::error_code& error) {
    if (error) return;
    *late = true;
    watched.cancel();
  };
  timer.async_wait(give_up);
  std::string bytes;
  while (bytes.size() < size) {
    char piece[4096];
    const std::size_t most = std::min(sizeof piece, size - bytes.size());
    const ssize_t got = ::recv(watched.native_handle(), piece, most, MSG_DONTWAIT);
    if (got > 0) {
      bytes.append(piece, static_cast<std::size_t>(got));
    } else if (got < 0 && errno == EINTR) {
      continue;
    } else if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      boost::system::error_code error;
      auto token = asio::redirect_error(asio::use_awaitable, error);
      co_await watched.async_wait(asio::posix::stream_descriptor::wait_read, token);
      if (error || *late) co_return std::nullopt;
    } else {
      co_return std::nullopt;
    }
  }
  timer.cancel();
  co_return ReadExactly{watched.release(), std::move(bytes)};
}

}  // namespace leanto::net
