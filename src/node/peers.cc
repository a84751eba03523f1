#include "node/peers.h"

#include <utility>

namespace leanto::node {

std::vector<std::shared_ptr<Peer>> Peers::of(const ClusterSpec& cluster) {
  std::vector<std::shared_ptr<Peer>> found;
  for (const HostSpec& host : cluster.hosts) {
    Known& known = peers_[host.node];
    if (!known.peer || !known.host.reached_as(host)) {
      if (known.peer) known.peer->close();
      Peer::Dial dial = [this, name = host.node](OnProgress on_progress) {
        return parts_.dial(peers_.at(name).host, std::move(on_progress));
      };
      known.peer = std::make_shared<Peer>(Peer::Parts{parts_.loop, parts_.outgoing, parts_.clock,
                                                      host.node, parts_.node, parts_.version,
                                                      std::move(dial), parts_.times});
    }
    known.host = host;
    found.push_back(known.peer);
  }
  return found;
}

std::shared_ptr<Peer> Peers::find(const std::string& name) const {
  const auto found = peers_.find(name);
  return found == peers_.end() ? nullptr : found->second.peer;
}

void Peers::close(const std::string& cluster) {
  std::erase_if(peers_, [&](const auto& each) {
    if (each.second.host.cluster != cluster) return false;
    each.second.peer->close();
    return true;
  });
}

void Peers::close_all() {
  for (const auto& [name, known] : peers_) known.peer->close();
}

std::vector<std::shared_ptr<Peer>> Peers::all() const {
  std::vector<std::shared_ptr<Peer>> found;
  for (const auto& [name, known] : peers_) found.push_back(known.peer);
  return found;
}

std::vector<std::shared_ptr<Peer>> Peers::reached_as(const HostSpec& host) const {
  std::vector<std::shared_ptr<Peer>> found;
  for (const auto& [name, known] : peers_) {
    if (known.host.reached_as(host)) found.push_back(known.peer);
  }
  return found;
}

}  // namespace leanto::node
