#include "node/direct_way.h"

#include <utility>

#include "wire/features.h"

namespace leanto::node {

using wire::Json;

Result<DirectWay> parse_direct_way(const Json& head) {
  DirectWay way;
  way.ticket = wire::find_string(head, "ticket").value_or("");
  way.fingerprint = wire::find_string(head, "fingerprint").value_or("");
  const double port = wire::find_number(head, "port").value_or(0);
  if (port >= 1 && port <= 65535) way.port = static_cast<std::uint16_t>(port);
  if (const auto hosts = head.find("hosts"); hosts != head.end() && hosts->is_array()) {
    for (const Json& host : *hosts) {
      if (host.is_string() && way.hosts.size() < DirectWay::kMaxHosts)
        way.hosts.push_back(host.get<std::string>());
    }
  }
  if (way.ticket.empty() || way.fingerprint.empty() || way.port == 0 || way.hosts.empty()) {
    return fail(ErrorKind::kInvalid,
                "a direct way needs ticket, hosts, port and fingerprint, as value_ticket and "
                "tree_ticket say them");
  }
  return way;
}

net::Task<Result<net::Connection>> dial_directly(TlsDialler& dialler, DirectWay way) {
  Error why{ErrorKind::kNodeLost, "no host was said"};
  for (const std::string& name : way.hosts) {
    HostSpec host;
    host.host = name;
    host.port = way.port;
    host.fingerprint = way.fingerprint;
    OnProgress nobody;
    Result<Transport> reached =
        co_await dialler.dial(std::move(host), std::move(nobody), kDirectLimits);
    if (reached) co_return std::move(reached->connection);
    why = reached.error();
  }
  co_return Failure(why);
}

std::string hello_with(const std::string& ticket, const std::string& version) {
  Json hello = {{"token", ticket}};
  wire::add_features(hello, {version, wire::own_features(), {}});
  return wire::encode_head(hello);
}

net::Task<> close_silent(net::Loop& loop, std::shared_ptr<net::FrameStream> stream,
                         Duration silence, std::shared_ptr<bool> was_silent) {
  while (stream->is_open()) {
    const std::uint64_t heard = stream->batch();
    co_await loop.sleep(silence);
    if (!stream->is_open() || stream->batch() != heard) continue;
    *was_silent = true;
    stream->close();
  }
}

}  // namespace leanto::node
