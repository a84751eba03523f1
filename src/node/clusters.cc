#include "node/clusters.h"

#include <utility>

namespace leanto::node {

using wire::Json;

namespace {

Failure unknown(const std::string& name) {
  return fail(ErrorKind::kNotFound,
              "no cluster is named '{0}'; this machine is lt.cluster(\"here\"), and a new one is made "
              "by saying what it must have, or which host it is: lt.cluster(\"{0}\", "
              "instance_type=\"A10G:1\"), lt.cluster(\"{0}\", host=\"10.0.0.7\")",
              name);
}

Failure no_node(const ClusterSpec& cluster, const std::string& name) {
  std::string names;
  for (const HostSpec& host : cluster.hosts)
    names += (names.empty() ? "" : ", ") + host.node;
  return fail(ErrorKind::kNotFound, "the cluster '{}' has no node '{}'{}", cluster.name, name,
              names.empty() ? ": it is on this machine" : "; it has: " + names);
}

std::int64_t milliseconds(WallTime time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
}

bool has_hosts(const Json& words) { return words.contains("host") || words.contains("hosts"); }

}  // namespace

// Null if it isn't known.
net::Task<Result<Json>> Clusters::known_words(std::string name) {
  auto find = [name](Ledger& ledger) { return ledger.find_cluster(name); };
  const auto known = co_await parts_.ledger.with(std::move(find));
  if (!known) co_return Failure(known.error());
  if (!*known) co_return Json();
  co_return Json::parse((*known)->spec, nullptr, false);
}

net::Task<Result<ClusterSpec>> Clusters::resolve(std::string name, Json words) {
  if (!words.is_object()) words = Json::object();
  const Json kept = words_to_keep(words);
  const Result<Json> known = co_await known_words(name);
  if (!known) co_return Failure(known.error());
  if (kept.empty()) {
    if (known->is_null()) co_return unknown(name);
    Json all = *known;
    all.update(words);
    co_return parse_cluster(name, all);
  }
  Result<ClusterSpec> cluster = parse_cluster(name, words);
  if (!cluster || *known == kept) co_return cluster;
  if (known->is_object() && (has_hosts(*known) || has_hosts(kept))) {
    co_return fail(ErrorKind::kAlreadyExists,
                   "the cluster '{0}' is known already, and otherwise: {1}. Say the same as before "
                   "or lt.cluster(\"{0}\"), take another name, or forget the one that is known: "
                   "leanto clusters --forget {0}",
                   name, describe_difference(*known, kept));
  }
  const std::string spec = kept.dump(-1, ' ', false, Json::error_handler_t::replace);
  auto keep = [record = ClusterRecord{name, spec, milliseconds(parts_.clock.wall())}](
                  Ledger& ledger) {
    (void)ledger.remove_cluster(record.name);  // what must be had may change: the newest words count
    return ledger.put_cluster(record);
  };
  const Status stored = co_await parts_.ledger.with(std::move(keep));
  if (!stored) co_return Failure(stored.error());
  co_return cluster;
}

net::Task<Result<std::shared_ptr<Peer>>> Clusters::find_node(std::string name) {
  if (std::shared_ptr<Peer> peer = parts_.peers.find(name)) co_return peer;
  const Result<ClusterSpec> cluster = co_await find_cluster_of(name);
  if (!cluster) co_return Failure(cluster.error());
  for (std::shared_ptr<Peer>& peer : parts_.peers.of(*cluster)) {
    if (peer->name() == name) co_return std::move(peer);
  }
  co_return no_node(*cluster, name);
}

net::Task<Result<HostSpec>> Clusters::find_host(std::string name) {
  const Result<ClusterSpec> cluster = co_await find_cluster_of(name);
  if (!cluster) co_return Failure(cluster.error());
  for (const HostSpec& host : cluster->hosts) {
    if (host.node == name) co_return host;
  }
  co_return no_node(*cluster, name);
}

net::Task<Result<ClusterSpec>> Clusters::find_cluster_of(std::string node) {
  const std::string name = node.substr(0, node.find('/'));
  co_return co_await resolve(name, Json::object());
}

net::Task<Result<std::vector<ClusterSpec>>> Clusters::all() {
  auto find = [](Ledger& ledger) { return ledger.clusters(); };
  const auto records = co_await parts_.ledger.with(std::move(find));
  if (!records) co_return Failure(records.error());
  std::vector<ClusterSpec> found;
  for (const ClusterRecord& record : *records) {
    Result<ClusterSpec> cluster =
        parse_cluster(record.name, Json::parse(record.spec, nullptr, false));
    if (cluster) found.push_back(*std::move(cluster));
  }
  co_return found;
}

net::Task<Status> Clusters::forget(std::string name) {
  auto remove = [name](Ledger& ledger) { return ledger.remove_cluster(name); };
  const Status removed = co_await parts_.ledger.with(std::move(remove));
  if (removed) parts_.peers.close(name);
  co_return removed;
}

Result<Offer> Clusters::choose_offer(const ClusterSpec& cluster) const {
  const Result<std::vector<Offer>> offers = parts_.provider.offers(cluster.requirements);
  if (!offers) return Failure(offers.error());
  return choose(cluster.policy, cluster.requirements, *offers, parts_.config_file);
}

}  // namespace leanto::node
