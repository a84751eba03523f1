// Nodes on other machines that run though this one isn't connected with them: left by a crash, or
// of a cluster that was forgotten. They are looked for where this node has ever started one and on
// the hosts of all known clusters, by ssh and without starting any.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "node/clusters.h"
#include "node/started_nodes.h"
#include "provider/ssh_look.h"

namespace leanto::node {

class Orphans {
 public:
  using Look = std::function<net::Task<Result<SeenNode>>(const HostSpec& host)>;
  struct Parts {
    net::Loop& loop;
    Clusters& clusters;
    Peers& peers;
    StartedNodes& started;
    Look look;
    // What a person types to log in to a host.
    std::function<std::vector<std::string>(const HostSpec& host)> ssh_command;
  };
  // How many hosts are asked at once, and how long all may take.
  static constexpr std::size_t kAtOnce = 16;
  static constexpr Duration kLimit = std::chrono::minutes(2);

  explicit Orphans(Parts parts) : parts_(std::move(parts)) {}

  // The answer to `orphans` (docs/wire.md).
  net::Task<Result<wire::Json>> find();

 private:
  struct Place {
    HostSpec host;
    bool is_known = false;  // its cluster is, with this host
    std::int64_t started_at = 0;
  };
  struct Looking;

  net::Task<Result<std::vector<Place>>> places();
  net::Task<> look_at_some(std::shared_ptr<Looking> looking);
  net::Task<> look_at(Place place, std::shared_ptr<Looking> looking);
  wire::Json row_of(const Place& place, const SeenNode& seen) const;
  std::string how_to_end(const Place& place, const std::string& program) const;
  bool is_connected(const HostSpec& host) const;
  bool is_connected(const std::string& id) const;

  Parts parts_;
};

}  // namespace leanto::node
