// The operations on values that calls left here, and on those that come from other nodes.
#include "node/operations.h"

namespace leanto::node {

using wire::Json;

net::Task<Result<Answer>> Operations::fetch(Request& request) {
  const Result<std::string> id = wire::require_string(request.head, "o");
  if (!id) co_return Failure(id.error());
  Result<StoredValue::Loaded> fetched = parts_.kept.fetch(
      *id, wire::find_flag(request.head, "far", false) ? Reader::kFar : Reader::kHere);
  if (!fetched) co_return Failure(fetched.error());
  co_return Answer{std::move(fetched->head), std::move(fetched->body)};
}

// A value from another node, for a session of a client who will use it here.
Result<Answer> Operations::keep_for(const Request& request, const Json& said,
                                    const wire::Body& body) {
  const auto said_session = wire::find_string(request.head, "session");
  const std::string session =
      said_session ? request.access.session_of(*said_session) : request.session;
  Json lengths = Json::object();
  if (const auto found = said.find("b"); found != said.end()) lengths["b"] = *found;
  const Result<Json> kept = parts_.kept.keep(wire::encode_head(lengths), body, session);
  if (!kept) return Failure(kept.error());
  return Answer{*kept, {}};
}

net::Task<Result<Answer>> Operations::keep(Request& request) {
  co_return keep_for(request, request.head, request.body);
}

net::Task<Result<Answer>> Operations::release(Request& request) {
  const std::string id = wire::find_string(request.head, "o").value_or("");
  if (!parts_.kept.release(id, request.session)) parts_.objects.release(id, request.session);
  co_return Answer{};
}

// For whoever may fetch it, to hand on. Without `ticket`: nobody could reach this node with one.
net::Task<Result<Answer>> Operations::value_ticket(Request& request) {
  const Result<std::string> id = wire::require_string(request.head, "o");
  if (!id) co_return Failure(id.error());
  if (const Status known = parts_.kept.check(*id); !known) co_return Failure(known.error());
  Result<Json> way = direct_way_for({*id, {}});
  if (!way) co_return Failure(way.error());
  if (way->empty()) co_return Answer{};
  (*way)["o"] = *id;
  co_return Answer{*std::move(way), {}};
}

// Why it can't be fetched is no failure of this node's: who asks has another way.
net::Task<Result<Answer>> Operations::take_value(Request& request) {
  Result<std::string> id = wire::require_string(request.head, "o");
  if (!id) co_return Failure(id.error());
  Result<DirectWay> way = parse_direct_way(request.head);
  if (!way) co_return Failure(way.error());
  const Result<DirectFetcher::Fetched> fetched =
      co_await parts_.fetcher.fetch_value(*std::move(id), *std::move(way));
  if (!fetched) co_return Answer{{{"error", wire::error_to_json(fetched.error())}}, {}};
  if (request.wanted && !request.wanted())
    co_return fail(ErrorKind::kCancelled, "who asked for the value has gone");
  co_return keep_for(request, fetched->head, fetched->body);
}

}  // namespace leanto::node
