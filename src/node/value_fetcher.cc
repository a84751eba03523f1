#include "node/value_fetcher.h"

#include <utility>

#include "wire/features.h"

namespace leanto::node {

using wire::FrameType;
using wire::Json;

namespace {

constexpr std::uint32_t kStream = 1;

Result<ValueFetcher::Fetched> answer_in(wire::Frame& frame) {
  Result<Json> head = wire::decode_head(frame.head);
  if (!head) return Failure(head.error());
  if (frame.type == FrameType::kError) return Failure(wire::error_from_head(*head));
  return ValueFetcher::Fetched{*std::move(head), std::move(frame.body).to_owned()};
}

}  // namespace

Result<ValueTicket> parse_value_ticket(const Json& head) {
  ValueTicket ticket;
  ticket.value = wire::find_string(head, "o").value_or("");
  ticket.ticket = wire::find_string(head, "ticket").value_or("");
  ticket.fingerprint = wire::find_string(head, "fingerprint").value_or("");
  const double port = wire::find_number(head, "port").value_or(0);
  if (port >= 1 && port <= 65535) ticket.port = static_cast<std::uint16_t>(port);
  if (const auto hosts = head.find("hosts"); hosts != head.end() && hosts->is_array()) {
    for (const Json& host : *hosts) {
      if (host.is_string() && ticket.hosts.size() < ValueTicket::kMaxHosts)
        ticket.hosts.push_back(host.get<std::string>());
    }
  }
  if (ticket.value.empty() || ticket.ticket.empty() || ticket.fingerprint.empty() ||
      ticket.port == 0 || ticket.hosts.empty()) {
    return fail(ErrorKind::kInvalid,
                "a value is taken with o, ticket, hosts, port and fingerprint, as value_ticket "
                "says them");
  }
  return ticket;
}

net::Task<Result<ValueFetcher::Fetched>> ValueFetcher::fetch(ValueTicket ticket) {
  Error why{ErrorKind::kNodeLost, "no host was said"};
  for (const std::string& name : ticket.hosts) {
    HostSpec host;
    host.host = name;
    host.port = ticket.port;
    host.fingerprint = ticket.fingerprint;
    OnProgress nobody;
    Result<Transport> reached =
        co_await parts_.dialler.dial(std::move(host), std::move(nobody), kDialLimits);
    if (reached) co_return co_await fetch_over(std::move(reached->socket), std::move(ticket));
    why = reached.error();
  }
  co_return Failure(why);
}

net::Task<Result<ValueFetcher::Fetched>> ValueFetcher::fetch_over(UniqueFd socket,
                                                                  ValueTicket ticket) {
  const auto stream =
      std::make_shared<net::FrameStream>(parts_.loop, parts_.outgoing, socket.release());
  Json hello = {{"token", ticket.ticket}};
  wire::add_features(hello, {parts_.version, wire::own_features(), {}});
  stream->send(FrameType::kHello, 0, wire::encode_head(hello));
  const Json question = {{"op", "fetch"}, {"o", ticket.value}, {"far", true}};
  stream->send(FrameType::kAsk, kStream, wire::encode_head(question));
  const auto silent = std::make_shared<bool>(false);
  parts_.loop.spawn("watch a value come", close_silent(stream, silent));
  std::optional<Result<Fetched>> answer;
  auto take = [&](wire::Frame& frame) {
    if (frame.type != FrameType::kResult && frame.type != FrameType::kError) return;
    answer = answer_in(frame);
    stream->close();
  };
  net::FrameStream::OnFrame handler = take;
  const Status received = co_await stream->receive(std::move(handler));
  stream->close();
  if (answer) co_return *std::move(answer);
  if (!received) co_return Failure(received.error());
  if (*silent) {
    co_return fail(ErrorKind::kTimeout, "nothing more of the value came for {} s",
                   std::chrono::duration_cast<std::chrono::seconds>(parts_.silence).count());
  }
  co_return fail(ErrorKind::kNodeLost, "the connection broke before all of the value had come");
}

net::Task<> ValueFetcher::close_silent(std::shared_ptr<net::FrameStream> stream,
                                       std::shared_ptr<bool> silent) {
  const Duration silence = parts_.silence;
  net::Loop& loop = parts_.loop;
  while (stream->is_open()) {
    const std::uint64_t heard = stream->batch();
    co_await loop.sleep(silence);
    if (!stream->is_open() || stream->batch() != heard) continue;
    *silent = true;
    stream->close();
  }
}

}  // namespace leanto::node
