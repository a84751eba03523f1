// Files of source trees between nodes: what one asks another for, and how the nodes of a cluster
// get them from each other (docs/adr/0015).
#include <utility>

#include "node/cluster_operations.h"
#include "node/code_fetch.h"

namespace leanto::node {

using wire::Json;

namespace {

constexpr std::uint64_t kMaxByTicket = 64
                                       << 20;  // bytes in one answer; a single file may be larger

// Who has no right but a ticket for this tree gets its files, in pieces.
Status check_by_ticket(const Tree& tree, const std::vector<Digest>& digests) {
  const std::vector<TreeBlob> named = named_of(blobs_beyond(nullptr, tree), digests);
  if (named.size() != digests.size())
    return fail(ErrorKind::kAccessDenied, "a ticket gets the files of its tree and no others");
  const std::uint64_t bytes = bytes_of(named);
  if (digests.size() > 1 && bytes > kMaxByTicket)
    return fail(ErrorKind::kCapacity, "{} bytes at once; ask for less", bytes);
  return {};
}

}  // namespace

net::Task<Result<Answer>> ClusterOperations::missing_blobs(Request& request) {
  Result<std::vector<Digest>> asked = split_digests(request.body.view());
  if (!asked) co_return Failure(asked.error());
  const std::vector<Digest> missing = co_await parts_.code.missing(*std::move(asked));
  const std::string bytes = join_digests(missing);
  co_return Answer{Json::object(), wire::Body(std::string_view(bytes)).to_owned()};
}

net::Task<Result<Answer>> ClusterOperations::put_blobs(Request& request) {
  const Status unpacked = co_await parts_.code.unpack(std::move(request.body));
  if (!unpacked) co_return Failure(unpacked.error());
  co_return Answer{};
}

net::Task<Result<Answer>> ClusterOperations::tree_blobs(Request& request) {
  const Result<Digest> snapshot = snapshot_in(request.head);
  if (!snapshot) co_return Failure(snapshot.error());
  const Result<TreePtr> tree = co_await parts_.code.tree(*snapshot);
  if (!tree) co_return Failure(tree.error());
  const std::string blobs = encode_blobs(blobs_beyond(nullptr, **tree));
  co_return Answer{Json::object(), wire::Body(std::string_view(blobs)).to_owned()};
}

net::Task<Result<Answer>> ClusterOperations::get_blobs(Request& request) {
  Result<std::vector<Digest>> digests = split_digests(request.body.view());
  if (!digests) co_return Failure(digests.error());
  if (request.access.is_ticket()) {
    const Result<Digest> snapshot = snapshot_in(request.head);
    if (!snapshot) co_return Failure(snapshot.error());
    const Result<TreePtr> tree = co_await parts_.code.tree(*snapshot);
    if (!tree) co_return Failure(tree.error());
    if (Status allowed = check_by_ticket(**tree, *digests); !allowed)
      co_return Failure(allowed.error());
  }
  const Result<std::string> pack = co_await parts_.code.pack(*std::move(digests));
  if (!pack) co_return Failure(pack.error());
  co_return Answer{Json::object(), wire::Body(std::string_view(*pack)).to_owned()};
}

// A node that listens everywhere is tried first as it's reached from here.
net::Task<Json> ClusterOperations::as_reached_from_here(Json way, std::string node) {
  if (wire::find_flag(way, "any", false)) {
    const Result<HostSpec> host = co_await parts_.clusters.find_host(std::move(node));
    if (host) way["hosts"].insert(way["hosts"].begin(), host->host);
  }
  co_return way;
}

bool ClusterOperations::can_share(const std::string& from, const std::string& to) {
  const std::shared_ptr<Peer> has = parts_.peers.find(from);
  const std::shared_ptr<Peer> lacks = parts_.peers.find(to);
  return has && lacks && has->listens() && has->can("tree_ticket") && lacks->can("tree_ticket") &&
         moves_.why_shut(from, to).empty();
}

net::Task<bool> ClusterOperations::share_tree(std::string from, std::string to, Digest tree) {
  Json ask_for = {{"op", "tree_ticket"}, {"snapshot", tree.hex()}};
  wire::Body nothing;
  Result<Answer> ticket = co_await ask_node(from, std::move(ask_for), nothing);
  if (!ticket || !ticket->head.contains("ticket")) co_return false;
  Json take = co_await as_reached_from_here(std::move(ticket->head), from);
  take["op"] = "take_tree";
  const Result<Answer> taken = co_await ask_node(to, std::move(take), std::move(nothing));
  if (!taken) co_return false;
  const auto error = taken->head.find("error");
  if (error == taken->head.end()) {
    moves_.tree_went_directly();
    co_return true;
  }
  const Error said = wire::error_from_head(*error);
  if (said.kind != ErrorKind::kSnapshot)
    moves_.shut(from, to, fmt::format("from {}: {}", to, said.message));
  co_return false;
}

}  // namespace leanto::node
