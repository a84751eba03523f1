#include "net/first_byte.h"

#include <sys/socket.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <cerrno>

namespace leanto::net {

namespace asio = boost::asio;

std::optional<std::uint8_t> peek_first_byte(int socket) {
  std::uint8_t byte = 0;
  ssize_t size = 0;
  do {
    size = ::recv(socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  } while (size < 0 && errno == EINTR);
  return size == 1 ? std::optional(byte) : std::nullopt;
}

Task<std::optional<FirstByte>> wait_for_first_byte(Loop& loop, int socket) {
  asio::posix::stream_descriptor watched(loop.context(), socket);
  boost::system::error_code error;
  auto token = asio::redirect_error(asio::use_awaitable, error);
  co_await watched.async_wait(asio::posix::stream_descriptor::wait_read, token);
  const std::optional<std::uint8_t> byte = peek_first_byte(watched.native_handle());
  if (error || !byte) co_return std::nullopt;
  co_return FirstByte{watched.release(), *byte};
}

}  // namespace leanto::net
