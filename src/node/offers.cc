#include "node/offers.h"

#include <utility>

namespace leanto::node {

using wire::Json;

namespace {

constexpr Duration kStartTime = std::chrono::seconds(1);  // of a host that isn't connected yet

Json to_json(const Resources& resources) {
  Json accelerators = Json::object();
  for (const auto& [kind, count] : resources.accelerators) accelerators[kind] = count;
  return {{"cpus", resources.cpus},
          {"memory", resources.memory_bytes},
          {"accelerators", std::move(accelerators)}};
}

Resources resources_from(const Json& json) {
  Resources resources;
  resources.cpus = wire::find_number(json, "cpus").value_or(0);
  const double memory = wire::find_number(json, "memory").value_or(0);
  if (memory > 0 && memory < 1e18) resources.memory_bytes = static_cast<std::uint64_t>(memory);
  const Json accelerators = json.value("accelerators", Json::object());
  for (const auto& [kind, count] : accelerators.items()) {
    if (count.is_number_unsigned() && is_accelerator_kind(kind))
      resources.accelerators.emplace(kind, std::min(count.get<int>(), kMaxAccelerators));
  }
  return resources;
}

}  // namespace

Requirements requirements_from(const Json& json) { return resources_from(json); }

namespace {

Offer offer_of(const HostSpec& host) {
  Offer offer;
  offer.provider = host.provider();
  offer.cluster = host.cluster;
  offer.node = host.node;
  offer.price_per_hour = host.price_per_hour;
  return offer;
}

}  // namespace

Json to_json(const Offer& offer) {
  Json json = {{"provider", offer.provider},
               {"cluster", offer.cluster},
               {"node", offer.node},
               {"free", to_json(offer.free)},
               {"total", to_json(offer.total)},
               {"start_time", std::chrono::duration<double>(offer.start_time).count()},
               {"cannot", offer.cannot}};
  json["price_per_hour"] = offer.price_per_hour ? Json(*offer.price_per_hour) : Json();
  return json;
}

Offer offer_from_json(const Json& json, const HostSpec& host) {
  Offer offer = offer_of(host);
  offer.free = resources_from(json.value("free", Json::object()));
  offer.total = resources_from(json.value("total", Json::object()));
  offer.cannot = wire::find_string(json, "cannot").value_or("");
  if (!offer.price_per_hour) offer.price_per_hour = wire::find_number(json, "price_per_hour");
  return offer;
}

struct OfferBook::Collected {
  explicit Collected(net::Loop& loop) : all_here(loop) {}
  net::Event all_here;
  std::vector<Offer> offers;
  std::size_t awaited = 0;
};

net::Task<Result<std::vector<Offer>>> OfferBook::collect(std::vector<ClusterSpec> clusters,
                                                         Requirements requirements) {
  Result<std::vector<Offer>> here = parts_.here.offers(requirements);
  if (!here) co_return Failure(here.error());
  const auto collected = std::make_shared<Collected>(parts_.loop);
  collected->offers = *std::move(here);
  for (const ClusterSpec& cluster : clusters) {
    const std::vector<std::shared_ptr<Peer>> peers = parts_.peers.of(cluster);
    for (std::size_t i = 0; i < peers.size(); ++i) {
      Offer offer = offer_of(cluster.hosts[i]);
      offer.cannot = "said nothing in time";
      collected->offers.push_back(std::move(offer));
      ++collected->awaited;
      parts_.loop.spawn(
          "ask for an offer",
          ask(cluster.hosts[i], peers[i], collected->offers.size() - 1, requirements, collected));
    }
  }
  if (collected->awaited > 0) (void)co_await collected->all_here.wait(kLimit);
  co_return collected->offers;
}

net::Task<> OfferBook::ask(HostSpec host, std::shared_ptr<Peer> peer, std::size_t place,
                           Requirements requirements, std::shared_ptr<Collected> collected) {
  const bool was_up = peer->state() == Peer::State::kUp;
  const Result<std::shared_ptr<Asker>> asker = co_await peer->asker();
  Offer offer = offer_of(host);
  if (!asker) {
    offer.cannot = asker.error().message;
  } else {
    const Json question = {{"op", "offer"}, {"requirements", to_json(requirements)}};
    const Result<Asker::Reply> reply = co_await (*asker)->ask(question);
    if (reply) {
      offer = offer_from_json(reply->head, host);
      if (!was_up) offer.start_time = kStartTime;
    } else {
      offer.cannot = reply.error().message;
    }
  }
  collected->offers[place] = std::move(offer);
  if (--collected->awaited == 0) collected->all_here.set();
}

}  // namespace leanto::node
