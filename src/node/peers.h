// The other nodes by name, and how each is dialled: a cluster's only node has the cluster's name,
// one of several is CLUSTER/HOST.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "node/cluster_spec.h"
#include "node/peer.h"

namespace leanto::node {

class Peers {
 public:
  using Dial =
      std::function<net::Task<Result<Transport>>(const HostSpec& host, OnProgress on_progress)>;

  struct Parts {
    net::Loop& loop;
    net::Outgoing& outgoing;
    const Clock& clock;
    std::string node;     // the id of the node here
    std::string version;  // of leanto here
    Dial dial;
    LinkTimes times{};
  };
  explicit Peers(Parts parts) : parts_(std::move(parts)) {}

  // The nodes of a cluster, in the order of its hosts. They are the same ones for the same spec;
  // one whose host is said otherwise now is closed first.
  std::vector<std::shared_ptr<Peer>> of(const ClusterSpec& cluster);
  // One that `of` has made. Null if there is none of that name.
  std::shared_ptr<Peer> find(const std::string& name) const;
  // Forgets the nodes of a cluster.
  void close(const std::string& cluster);
  void close_all();
  std::vector<std::shared_ptr<Peer>> all() const;
  // Those that are reached as that host, whatever cluster they are of.
  std::vector<std::shared_ptr<Peer>> reached_as(const HostSpec& host) const;

 private:
  struct Known {
    HostSpec host;
    std::shared_ptr<Peer> peer;
  };

  Parts parts_;
  std::map<std::string, Known> peers_;
};

}  // namespace leanto::node
