#include "node/accept.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include "net/event.h"
#include "net/readable.h"

namespace leanto::node {

net::Task<> accept_all(net::Loop& loop, UniqueFd listener,
                       std::function<void(UniqueFd)> on_connection) {
  const int fd = listener.release();
  ::fcntl(fd, F_SETFL, O_NONBLOCK);
  net::Event never(loop);
  auto take = [fd, &on_connection] {
    while (true) {
      UniqueFd socket(::accept4(fd, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
      if (!socket && (errno == EINTR || errno == ECONNABORTED)) continue;
      if (!socket) return net::Readable::Next::kGoOn;
      on_connection(std::move(socket));
    }
  };
  net::Readable::OnReadable on_readable = take;
  net::Readable readable(loop, fd, std::move(on_readable));
  co_await never.wait();
}

}  // namespace leanto::node
