// Values that move from one node to another: straight, where there's a way, or by way of here
// (docs/adr/0015).
#include <utility>

#include "node/cluster_operations.h"

namespace leanto::node {

using wire::Json;

namespace {

constexpr double kSmall = 64 << 10;  // bytes: to shake hands takes longer than to pass them on

}  // namespace

// A copy of a kept value on another node, which goes with the session that asks.
net::Task<Result<Answer>> ClusterOperations::move_value(Request& request) {
  Result<std::string> id = wire::require_string(request.head, "o");
  if (!id) co_return Failure(id.error());
  ValueMove move{*std::move(id), wire::find_string(request.head, "from").value_or(""),
                 wire::find_string(request.head, "to").value_or(""),
                 wire::find_string(request.head, "session").value_or("")};
  const bool passes_by = !move.from.empty() && !move.to.empty();
  std::string why = "it is small";
  if (passes_by && wire::find_number(request.head, "size").value_or(kSmall) >= kSmall) {
    Result<Moved> moved = co_await move_directly(move);
    if (!moved) co_return Failure(moved.error());
    if (moved->kept) {
      moves_.went_directly();
      co_return *std::move(moved->kept);
    }
    why = std::move(moved->why_not);
  }
  Result<Answer> kept = co_await move_by_way_of_here(move);
  if (kept && passes_by) moves_.went_by_way_of_here(std::move(why));
  co_return kept;
}

net::Task<Result<Answer>> ClusterOperations::move_by_way_of_here(ValueMove move) {
  Json fetch = {{"op", "fetch"}, {"o", move.id}, {"far", true}};
  wire::Body nothing;
  Result<Answer> value = co_await ask_node(move.from, std::move(fetch), std::move(nothing));
  if (!value) co_return Failure(value.error());
  Json keep = {{"op", "keep"}, {"session", move.session}};
  if (value->head.contains("b")) keep["b"] = value->head["b"];
  co_return co_await ask_node(move.to, std::move(keep), std::move(value->body));
}

// Why the two can't; "" if they can. Both are reached afterwards.
net::Task<Result<std::string>> ClusterOperations::find_why_not(std::string from, std::string to) {
  if (std::string why = moves_.why_shut(from, to); !why.empty()) co_return why;
  for (const std::string& name : {from, to}) {
    const Result<std::shared_ptr<Peer>> peer = co_await parts_.clusters.find_node(name);
    if (!peer) co_return Failure(peer.error());
    const auto link = co_await (*peer)->link();
    if (!link) co_return Failure(link.error());
    if (!(*peer)->can("ticket"))
      co_return fmt::format("leanto {} on {} knows no direct way", (*peer)->version(), name);
  }
  co_return std::string();
}

// A failure is one that another way would have, too.
net::Task<Result<ClusterOperations::Moved>> ClusterOperations::move_directly(ValueMove move) {
  Result<std::string> why_not = co_await find_why_not(move.from, move.to);
  if (!why_not) co_return Failure(why_not.error());
  if (!why_not->empty()) co_return Moved{std::nullopt, *std::move(why_not)};
  Json ask_for = {{"op", "value_ticket"}, {"o", move.id}};
  wire::Body nothing;
  Result<Answer> ticket = co_await ask_node(move.from, std::move(ask_for), nothing);
  if (!ticket && ticket.error().kind == ErrorKind::kNotFound) co_return Failure(ticket.error());
  if (!ticket) co_return Moved{std::nullopt, ticket.error().message};
  if (!ticket->head.contains("ticket")) {
    co_return Moved{std::nullopt, move.from + " doesn't listen where other machines reach it"};
  }
  Json take = co_await as_reached_from_here(std::move(ticket->head), move.from);
  take["op"] = "take_value";
  take["session"] = move.session;
  Result<Answer> taken = co_await ask_node(move.to, std::move(take), std::move(nothing));
  if (!taken) co_return Failure(taken.error());
  const auto error = taken->head.find("error");
  if (error == taken->head.end()) co_return Moved{*std::move(taken), {}};
  const Error said = wire::error_from_head(*error);
  std::string why = fmt::format("from {}: {}", move.to, said.message);
  if (said.kind != ErrorKind::kNotFound) moves_.shut(move.from, move.to, why);
  co_return Moved{std::nullopt, std::move(why)};
}

}  // namespace leanto::node
