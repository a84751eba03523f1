// The operations by which a node gets the files of a source tree straight from another one
// (docs/adr/0015), and what a direct way is for either.
#include "node/code_fetch.h"
#include "node/operations.h"
#include "os/local_addresses.h"

namespace leanto::node {

using wire::Json;

namespace {

// Where others may reach this node: where it listens, or, where that is any, at what it has.
Json hosts_of(const TlsFacts& tls) {
  if (!tls.is_any()) return {tls.address.host};
  std::vector<std::string> own = local_addresses();
  if (own.size() > DirectWay::kMaxHosts) own.resize(DirectWay::kMaxHosts);
  return own;
}

}  // namespace

// For whoever may have it, to hand on. Empty: nobody could reach this node with one.
Result<Json> Operations::direct_way_for(Ticket what) {
  const TlsFacts& tls = parts_.facts.tls;
  if (tls.fingerprint.empty()) return Json::object();
  const Result<std::string> ticket = parts_.tickets.make(std::move(what));
  if (!ticket) return Failure(ticket.error());
  return Json{{"ticket", *ticket},
              {"hosts", hosts_of(tls)},
              {"port", tls.address.port},
              {"any", tls.is_any()},
              {"fingerprint", tls.fingerprint}};
}

net::Task<Result<Answer>> Operations::tree_ticket(Request& request) {
  const Result<Digest> snapshot = snapshot_in(request.head);
  if (!snapshot) co_return Failure(snapshot.error());
  const Result<TreePtr> tree = co_await parts_.code.tree(*snapshot);
  if (!tree) co_return Failure(tree.error());
  Result<Json> way = direct_way_for({"", *snapshot});
  if (!way) co_return Failure(way.error());
  if (way->empty()) co_return Answer{};
  (*way)["snapshot"] = snapshot->hex();
  co_return Answer{*std::move(way), {}};
}

// Why it can't be fetched is no failure of this node's: who asks has another way.
net::Task<Result<Answer>> Operations::take_tree(Request& request) {
  const Result<Digest> snapshot = snapshot_in(request.head);
  if (!snapshot) co_return Failure(snapshot.error());
  Result<DirectWay> way = parse_direct_way(request.head);
  if (!way) co_return Failure(way.error());
  const Status fetched =
      co_await parts_.fetcher.fetch_tree(parts_.code, *snapshot, *std::move(way));
  if (!fetched) co_return Answer{{{"error", wire::error_to_json(fetched.error())}}, {}};
  co_return Answer{};
}

}  // namespace leanto::node
