#include "node/tls_dialler.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <utility>

#include "net/tcp_connect.h"
#include "net/tls.h"
#include "node/shell.h"
#include "wire/join_word.h"

namespace leanto::node {

namespace {

constexpr std::size_t kMaxAnswer = 16 << 10;

bool is_numeric(const std::string& host) {
  in6_addr address;
  return ::inet_pton(AF_INET, host.c_str(), &address) == 1 ||
         ::inet_pton(AF_INET6, host.c_str(), &address) == 1;
}

}  // namespace

// By a program of the system: a static binary has no resolver of its own that knows what this
// machine is configured for.
net::Task<Result<std::string>> TlsDialler::find_address(std::string host, Duration limit) {
  if (is_numeric(host)) co_return host;
  std::string answer;
  CommandOutput on_output = [&answer](OutputStream stream, std::string_view text) {
    if (stream == OutputStream::kStdout && answer.size() < kMaxAnswer) answer += text;
  };
  std::vector<std::string> words{"getent", "ahosts", host};
  std::function<bool()> wanted = [] { return true; };
  const Result<ExitStatus> status =
      co_await run_command(loop_, std::move(words), limit, std::move(wanted), std::move(on_output));
  std::string address = answer.substr(0, answer.find_first_of(" \t\n"));
  if (status && is_numeric(address)) co_return address;
  co_return fail(ErrorKind::kNodeLost,
                 "no address is known for the host '{}'; try: getent ahosts {}{}", host, host,
                 status ? "" : " (" + status.error().message + ")");
}

net::Task<Result<Transport>> TlsDialler::dial(HostSpec host, OnProgress on_progress) {
  return dial(std::move(host), std::move(on_progress), Limits());
}

net::Task<Result<Transport>> TlsDialler::dial(HostSpec host, OnProgress on_progress,
                                              Limits limits) {
  if (!context_) {
    Result<net::TlsContext> context = net::TlsContext::client();
    if (!context) co_return Failure(context.error());
    context_ = std::make_shared<const net::TlsContext>(*std::move(context));
  }
  const auto port = static_cast<std::uint16_t>(host.port);
  const std::string name = wire::JoinWord{host.host, port, {}, {}}.address();
  if (on_progress) on_progress("connecting to " + name);
  Result<std::string> address = co_await find_address(host.host, limits.lookup);
  if (!address) co_return Failure(address.error());
  const Result<int> socket =
      co_await net::connect_tcp(loop_, *std::move(address), port, limits.connect);
  if (!socket) co_return Failure(socket.error());
  net::TlsPeer peer{name, host.fingerprint};
  Result<net::Connection> connection =
      co_await net::connect_tls(loop_, context_, *socket, std::move(peer), limits.handshake);
  if (!connection) co_return Failure(connection.error());
  Transport transport;
  transport.connection = *std::move(connection);
  transport.token = host.token;
  co_return transport;
}

}  // namespace leanto::node
