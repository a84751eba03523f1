#include "node/door.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "net/first_byte.h"
#include "net/read_exactly.h"
#include "node/accept.h"
#include "node/refusal.h"
#include "os/peer.h"
#include "wire/relay.h"

namespace leanto::node {

namespace {

constexpr std::string_view kBusy =
    "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nConnection: close\r\n"
    "Content-Length: 117\r\n\r\n"
    R"({"error":{"kind":"capacity","type":"CapacityError","message":"too many connections are open here; try again later"}})"
    "\n";

constexpr Duration kRelayLimit = std::chrono::seconds(10);  // for the name of the node

// The socket's mode keeps others out already; this is for the superuser's mistakes and for
// inherited descriptors.
bool is_own_user(int socket) {
  const Result<PeerCredentials> peer = peer_credentials(socket);
  return peer && (peer->uid == ::getuid() || peer->uid == 0);
}

}  // namespace

net::Task<> Door::accept(UniqueFd listener, net::HttpVia via) {
  auto take = [this, via](UniqueFd socket) {
    if (via == net::HttpVia::kTcp) {
      serve_http(std::move(socket), via);
    } else {
      serve(socket.release(), Access::owner());
    }
  };
  std::function<void(UniqueFd)> on_connection = take;
  co_await accept_all(parts_.loop, std::move(listener), std::move(on_connection));
}

void Door::serve(net::Connection connection, const Access& access) {
  if (!connection.has_tls() && !is_own_user(connection.socket())) return;
  if (const auto byte = connection.peek_first_byte()) {
    serve_first_byte(std::move(connection), *byte, access);
  } else if (!connection.has_tls()) {  // with it the byte is there, or has been taken back
    parts_.loop.spawn("tell protocols apart", tell_apart(connection.release_socket(), access));
  }
}

net::Task<> Door::tell_apart(int socket, Access access) {
  const auto first = co_await net::wait_for_first_byte(parts_.loop, socket);
  if (first) serve_first_byte(first->socket, first->byte, access);
}

void Door::serve_first_byte(net::Connection connection, std::uint8_t byte, const Access& access) {
  if (byte == wire::kMagic) {
    wire::FrameLimits limits;
    limits.body = parts_.max_body;
    const auto client = std::make_shared<Client>(parts_.loop, parts_.outgoing, parts_.requests,
                                                 std::move(connection), limits, access);
    return parts_.loop.spawn("client", client->serve());
  }
  const Result<int> plain = net::Connection::to_socket(parts_.loop, std::move(connection));
  if (!plain) return;
  UniqueFd socket(*plain);
  if (byte == wire::kRelayMagic) {
    const Status allowed = access.check(Right::kAdmin, "a connection to another node");
    if (!allowed) return refuse(socket.get(), allowed.error());
    return parts_.loop.spawn("relay", relay(socket.release()));
  }
  serve_http(std::move(socket), access.is_owner() ? net::HttpVia::kUnixSocket : net::HttpVia::kTls);
}

net::Task<> Door::relay(int socket) {
  auto start = co_await net::read_exactly(parts_.loop, socket, wire::kRelayHeader, kRelayLimit);
  if (!start) co_return;
  const auto size = static_cast<std::uint8_t>(start->bytes[1]);
  auto name = co_await net::read_exactly(parts_.loop, start->socket, size, kRelayLimit);
  if (!name) co_return;
  co_await parts_.relay(std::move(name->bytes), UniqueFd(name->socket));
}

void Door::serve_http(UniqueFd socket, net::HttpVia via) {
  if (http_connections_[via] >= kMaxHttpConnections) {
    (void)::send(socket.get(), kBusy.data(), kBusy.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    return;
  }
  if (via == net::HttpVia::kTcp) {
    const int on = 1;
    ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  net::HttpLimits limits;
  limits.body = parts_.max_body;
  ++http_connections_[via];
  const auto connection = std::make_shared<net::HttpConnection>(parts_.loop, parts_.http,
                                                                socket.release(), via, limits);
  parts_.loop.spawn("http", run_http(connection, via));
}

net::Task<> Door::run_http(std::shared_ptr<net::HttpConnection> connection, net::HttpVia via) {
  co_await connection->serve();
  --http_connections_[via];
}

}  // namespace leanto::node
