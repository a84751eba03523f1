#include "net/tcp_connect.h"

#include <boost/asio/ip/tcp.hpp>
#include <memory>
#include <utility>

namespace leanto::net {

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

std::string text_of(const std::string& address, std::uint16_t port) {
  return address.find(':') == std::string::npos ? fmt::format("{}:{}", address, port)
                                                : fmt::format("[{}]:{}", address, port);
}

Failure explain(const boost::system::error_code& error, bool late, const std::string& name,
                Duration limit) {
  if (late) {
    return fail(ErrorKind::kNodeLost,
                "{} does not answer within {} s: the machine is down, or a firewall is in between",
                name, std::chrono::duration_cast<std::chrono::seconds>(limit).count());
  }
  if (error == asio::error::connection_refused) {
    return fail(
        ErrorKind::kNodeLost,
        "{} refuses the connection: no node listens there. Start it on that machine: leanto "
        "node --listen ADDRESS:PORT",
        name);
  }
  return fail(ErrorKind::kNodeLost, "{} can't be reached: {}", name, error.message());
}

}  // namespace

Task<Result<int>> connect_tcp(Loop& loop, std::string address, std::uint16_t port, Duration limit) {
  boost::system::error_code error;
  const auto numeric = asio::ip::make_address(address, error);
  if (error) co_return fail(ErrorKind::kInvalid, "'{}' is no numeric address", address);
  struct Attempt {
    tcp::socket socket;
    asio::steady_timer timer;
    bool late = false;
  };
  // Shared with a limit that passes just when the connection is made.
  const auto attempt = std::make_shared<Attempt>(
      Attempt{tcp::socket(loop.context()),
              asio::steady_timer(loop.context(),
                                 std::chrono::duration_cast<asio::steady_timer::duration>(limit))});
  auto give_up = [attempt](const boost::system::error_code& cancelled) {
    if (cancelled || !attempt->socket.is_open()) return;
    attempt->late = true;
    attempt->socket.cancel();
  };
  attempt->timer.async_wait(std::move(give_up));
  auto token = asio::redirect_error(asio::use_awaitable, error);
  co_await attempt->socket.async_connect(tcp::endpoint(numeric, port), token);
  attempt->timer.cancel();
  if (error || attempt->late)
    co_return explain(error, attempt->late, text_of(address, port), limit);
  attempt->socket.native_non_blocking(true);
  co_return attempt->socket.release();
}

}  // namespace leanto::net
