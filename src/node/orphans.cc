#include "node/orphans.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/shell_word.h"

namespace leanto::node {

using wire::Json;

namespace {

Json names_of(const Json& services) {
  std::set<std::string> names;
  for (const Json& row : services) names.insert(wire::find_string(row, "service").value_or("?"));
  return names;
}

}  // namespace

struct Orphans::Looking {
  explicit Looking(net::Loop& loop) : all_seen(loop) {}
  net::Event all_seen;
  std::vector<Place> places;
  std::size_t next = 0;
  Json orphans = Json::array();
  Json not_asked = Json::array();
  std::set<std::size_t> answered;
};

bool Orphans::is_connected(const HostSpec& host) const {
  const std::vector<std::shared_ptr<Peer>> peers = parts_.peers.reached_as(host);
  return std::any_of(peers.begin(), peers.end(),
                     [](const auto& peer) { return peer->state() != Peer::State::kDown; });
}

// Its host may have several names.
bool Orphans::is_connected(const std::string& id) const {
  const std::vector<std::shared_ptr<Peer>> peers = parts_.peers.all();
  return !id.empty() && std::any_of(peers.begin(), peers.end(), [&id](const auto& peer) {
    return peer->state() != Peer::State::kDown && peer->node_id() == id;
  });
}

net::Task<Result<std::vector<Orphans::Place>>> Orphans::places() {
  const Result<std::vector<ClusterSpec>> clusters = co_await parts_.clusters.all();
  if (!clusters) co_return Failure(clusters.error());
  const auto started = co_await parts_.started.all();
  if (!started) co_return Failure(started.error());
  std::vector<Place> found;
  auto place_of = [&found](const HostSpec& host) {
    return std::find_if(found.begin(), found.end(),
                        [&host](const Place& place) { return place.host.reached_as(host); });
  };
  for (const ClusterSpec& cluster : *clusters) {
    for (const HostSpec& host : cluster.hosts) {
      if (host.is_direct() || place_of(host) != found.end()) continue;
      found.push_back({host, true, 0});
    }
  }
  for (const StartedNodes::Record& record : *started) {
    const auto place = place_of(record.host);
    if (place == found.end()) {
      found.push_back({record.host, false, record.started_at});
    } else {
      place->started_at = record.started_at;
    }
  }
  std::erase_if(found, [this](const Place& place) { return is_connected(place.host); });
  co_return found;
}

net::Task<Result<Json>> Orphans::find() {
  Result<std::vector<Place>> found = co_await places();
  if (!found) co_return Failure(found.error());
  const auto looking = std::make_shared<Looking>(parts_.loop);
  looking->places = *std::move(found);
  const std::size_t at_once = std::min(kAtOnce, looking->places.size());
  for (std::size_t i = 0; i < at_once; ++i)
    parts_.loop.spawn("look for orphans", look_at_some(looking));
  if (at_once > 0) (void)co_await looking->all_seen.wait(kLimit);
  Json not_asked = looking->not_asked;
  for (std::size_t i = 0; i < looking->places.size(); ++i) {
    if (looking->answered.contains(i)) continue;
    not_asked.push_back(
        {{"host", looking->places[i].host.host}, {"error", "there was no time left to ask it"}});
  }
  co_return Json{{"orphans", looking->orphans},
                 {"looked_at", looking->answered.size() - looking->not_asked.size()},
                 {"not_asked", std::move(not_asked)}};
}

net::Task<> Orphans::look_at_some(std::shared_ptr<Looking> looking) {
  while (looking->next < looking->places.size()) {
    const std::size_t place = looking->next++;
    co_await look_at(looking->places[place], looking);
    looking->answered.insert(place);
  }
  if (looking->answered.size() == looking->places.size()) looking->all_seen.set();
}

net::Task<> Orphans::look_at(Place place, std::shared_ptr<Looking> looking) {
  const Result<SeenNode> seen = co_await parts_.look(place.host);
  // Somebody may have begun to use it meanwhile.
  if (is_connected(place.host)) co_return;
  if (!seen) {
    looking->not_asked.push_back({{"host", place.host.host}, {"error", seen.error().message}});
  } else if (is_connected(wire::find_string(seen->status, "id").value_or(""))) {
    co_return;
  } else if (!seen->program.empty()) {
    looking->orphans.push_back(row_of(place, *seen));
  } else {
    (void)co_await parts_.started.clear(place.host);
  }
}

Json Orphans::row_of(const Place& place, const SeenNode& seen) const {
  auto number = [&seen](const char* name) {
    const auto found = wire::find_number(seen.status, name);
    return found ? Json(*found) : Json();
  };
  return {{"host", place.host.host},
          {"cluster", place.host.cluster},
          {"is_known", place.is_known},
          {"started_at", place.started_at == 0 ? Json() : Json(place.started_at)},
          {"version", wire::find_string(seen.status, "version").value_or("")},
          {"uptime", number("uptime")},
          {"idle", number("idle")},
          {"calls", number("calls")},
          {"services", names_of(seen.status.value("services", Json::array()))},
          {"end", how_to_end(place, seen.program)}};
}

// A cluster of several hosts would be ended as a whole, and with it what is no orphan.
std::string Orphans::how_to_end(const Place& place, const std::string& program) const {
  if (place.is_known && place.host.node == place.host.cluster)
    return "leanto down " + shell_word(place.host.cluster);
  std::string command;
  for (const std::string& word : parts_.ssh_command(place.host)) command += shell_word(word) + " ";
  return command + shell_word(shell_word(program) + " stop");
}

}  // namespace leanto::node
