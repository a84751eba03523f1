#include "node/clusters.h"

#include <algorithm>
#include <utility>

#include "node/choice_path.h"

namespace leanto::node {

using wire::Json;

namespace {

Failure unknown(const std::string& name) {
  return fail(
      ErrorKind::kNotFound,
      "no cluster is named '{0}'; this machine is lt.cluster(\"here\"), and a new one is made "
      "by saying what it must have, or which host it is: lt.cluster(\"{0}\", "
      "instance_type=\"A10G:1\"), lt.cluster(\"{0}\", host=\"10.0.0.7\")",
      name);
}

Failure no_node(const ClusterSpec& cluster, const std::string& name) {
  std::string names;
  for (const HostSpec& host : cluster.hosts) names += (names.empty() ? "" : ", ") + host.node;
  return fail(ErrorKind::kNotFound, "the cluster '{}' has no node '{}'{}", cluster.name, name,
              names.empty() ? ": it is on this machine" : "; it has: " + names);
}

std::int64_t milliseconds(WallTime time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
}

// Those that had no room said what they have; the others said nothing.
Json step_of(const Offer& offer) {
  const auto kind = offer.total.memory_bytes > 0 ? ErrorKind::kCapacity : ErrorKind::kNodeLost;
  return {{"node", offer.node}, {"error", wire::error_to_json({kind, offer.cannot})}};
}

bool has_step(const Json& path, const std::string& node) {
  return std::any_of(path.begin(), path.end(),
                     [&node](const Json& step) { return step["node"] == node; });
}

bool has_hosts(const Json& words) {
  return words.contains("host") || words.contains("hosts") || words.contains("url");
}

}  // namespace

// Null if it isn't known.
net::Task<Result<Json>> Clusters::known_words(std::string name) {
  auto find = [name](Ledger& ledger) { return ledger.find_cluster(name); };
  const auto known = co_await parts_.ledger.with(std::move(find));
  if (!known) co_return Failure(known.error());
  if (!*known) co_return Json();
  co_return Json::parse((*known)->spec, nullptr, false);
}

net::Task<Result<HostsFile>> Clusters::hosts_file() {
  auto load = [path = parts_.hosts_file](Ledger&) { return load_hosts_file(path); };
  co_return co_await parts_.ledger.with(std::move(load));
}

net::Task<Result<ClusterSpec>> Clusters::resolve(std::string name, Json words) {
  if (!words.is_object()) words = Json::object();
  Result<Json> normal = normal_words(std::move(words));
  if (!normal) co_return Failure(normal.error());
  words = *std::move(normal);
  const Json said = words_to_keep(words);
  Result<Json> known = co_await known_words(name);
  if (!known) co_return Failure(known.error());
  const Result<HostsFile> listed = co_await hosts_file();
  if (!listed) co_return Failure(listed.error());
  if (const auto host = listed->find(name); host != listed->end()) known = host->second;
  if (said.empty()) {
    if (known->is_null()) co_return unknown(name);
    Json all = *known;
    all.update(words);
    co_return parse_cluster(name, all);
  }
  Result<ClusterSpec> cluster = parse_cluster(name, words);
  if (!cluster || (known->is_object() && words_to_keep(*known) == said)) co_return cluster;
  const bool has_new_token =
      known->is_object() && words_to_show(words_to_keep(*known)) == words_to_show(said);
  if (known->is_object() && !has_new_token && (has_hosts(*known) || has_hosts(said))) {
    co_return fail(ErrorKind::kAlreadyExists,
                   "the cluster '{0}' is known already, and otherwise: {1}. Say the same as before "
                   "or lt.cluster(\"{0}\"), take another name, or forget the one that is known: "
                   "leanto clusters --forget {0}",
                   name, describe_difference(words_to_keep(*known), said));
  }
  if (cluster->hosts.empty()) co_return cluster;  // it's kept when somebody can offer it
  const Status stored = co_await store(name, said);
  if (!stored) co_return Failure(stored.error());
  co_return cluster;
}

// What must be had may change: the newest words count.
net::Task<Status> Clusters::store(std::string name, Json words) {
  const std::string spec = words.dump(-1, ' ', false, Json::error_handler_t::replace);
  auto keep = [record =
                   ClusterRecord{name, spec, milliseconds(parts_.clock.wall())}](Ledger& ledger) {
    (void)ledger.remove_cluster(record.name);
    return ledger.put_cluster(record);
  };
  co_return co_await parts_.ledger.with(std::move(keep));
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
  Result<HostsFile> words = co_await hosts_file();
  if (!words) co_return Failure(words.error());
  for (const ClusterRecord& record : *records)
    words->emplace(record.name, Json::parse(record.spec, nullptr, false));
  std::vector<ClusterSpec> found;
  for (const auto& [name, said] : *words) {
    Result<ClusterSpec> cluster = parse_cluster(name, said);
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

// Choosing

Result<Offer> Clusters::offer_here(const Requirements& requirements) const {
  const Result<std::vector<Offer>> offers = parts_.provider.offers(requirements);
  if (!offers) return Failure(offers.error());
  if (offers->empty()) return fail(ErrorKind::kCapacity, "this machine offers nothing");
  return judged(offers->front(), requirements);
}

net::Task<Result<std::vector<Offer>>> Clusters::offers(Requirements requirements) {
  Result<std::vector<ClusterSpec>> clusters = co_await all();
  if (!clusters) co_return Failure(clusters.error());
  Result<std::vector<Offer>> offers =
      co_await parts_.offers.collect(*std::move(clusters), requirements);
  if (offers) {
    for (Offer& offer : *offers) offer = judged(std::move(offer), requirements);
  }
  co_return offers;
}

// In order of preference; the refusal is that of the last.
Result<Offer> Clusters::choose_offer(const ClusterSpec& cluster,
                                     const std::vector<Offer>& offers) const {
  Result<Offer> chosen = fail(ErrorKind::kInvalid, "no policy was said");
  for (const std::string& policy : cluster.policies) {
    std::vector<Offer> of_cluster;
    for (const Offer& offer : offers) {
      if (offer.cluster == policy) of_cluster.push_back(offer);
    }
    chosen = of_cluster.empty()
                 ? choose(policy, cluster.requirements, offers, parts_.config_file)
                 : choose(kCheapest, cluster.requirements, of_cluster, parts_.config_file);
    if (chosen || chosen.error().kind == ErrorKind::kInvalid) return chosen;
  }
  return chosen;
}

net::Task<Result<Clusters::Choice>> Clusters::choose_node(ClusterSpec cluster, Json words) {
  const Result<Json> known = co_await known_words(cluster.name);
  if (!known) co_return Failure(known.error());
  Json said = words_to_keep(std::move(words));
  if (said.empty() && known->is_object()) said = words_to_keep(*known);
  if (known->is_object() && words_to_keep(*known) == said) {
    if (const std::optional<Offer> before = co_await chosen_before(*known))
      co_return Choice{*before, known->value("chosen_path", Json::array())};
  }
  Result<Choice> chosen = co_await choose_anew(cluster);
  if (!chosen) co_return chosen;
  if (is_elsewhere(chosen->offer.provider)) {
    said["chosen"] = chosen->offer.node;
    if (!chosen->path.empty()) said["chosen_path"] = chosen->path;
  }
  const Status kept = co_await store(cluster.name, std::move(said));
  if (!kept) co_return Failure(kept.error());
  co_return chosen;
}

net::Task<Result<Clusters::Choice>> Clusters::choose_anew(ClusterSpec cluster) {
  Choice choice;
  // This machine costs nothing more and is there already, so nobody has to be asked if it can.
  const Result<Offer> here = offer_here(cluster.requirements);
  const bool any_will_do =
      cluster.policies.front() == kCheapest || cluster.policies.front() == kAvailable;
  if (here && here->cannot.empty() && any_will_do && here->price_per_hour.value_or(0) == 0) {
    choice.offer = *here;
    co_return choice;
  }
  Result<std::vector<Offer>> all_offers = co_await offers(cluster.requirements);
  if (!all_offers) co_return Failure(all_offers.error());
  while (true) {
    Result<Offer> best = choose_offer(cluster, *all_offers);
    if (!best) co_return Failure(best.error());
    choice.offer = *std::move(best);
    const bool is_here = !is_elsewhere(choice.offer.provider);
    const Status reached = is_here ? Status() : co_await reach(choice.offer.node);
    if (reached) {
      for (const Offer& offer : passed_over(cluster, *all_offers, choice.offer)) {
        if (!has_step(choice.path, offer.node)) choice.path.push_back(step_of(offer));
      }
      co_return choice;
    }
    choice.path.push_back(
        {{"node", choice.offer.node}, {"error", wire::error_to_json(reached.error())}});
    for (Offer& offer : *all_offers) {
      if (offer.node == choice.offer.node && offer.cluster == choice.offer.cluster)
        offer.cannot = reached.error().message;
    }
  }
}

net::Task<Status> Clusters::reach(std::string node) {
  const Result<std::shared_ptr<Peer>> peer = co_await find_node(std::move(node));
  if (!peer) co_return Failure(peer.error());
  const auto link = co_await (*peer)->link();
  co_return link ? Status() : Status(Failure(link.error()));
}

// The one that was chosen for a cluster by that name, if it's still known.
net::Task<std::optional<Offer>> Clusters::chosen_before(Json known) {
  const auto chosen = wire::find_string(known, "chosen");
  if (!chosen) co_return std::nullopt;
  const Result<HostSpec> host = co_await find_host(*chosen);
  if (!host) co_return std::nullopt;
  Offer offer;
  offer.provider = host->provider();
  offer.cluster = host->cluster;
  offer.node = host->node;
  offer.price_per_hour = host->price_per_hour;
  co_return offer;
}

}  // namespace leanto::node
