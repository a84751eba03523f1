// Clusters by name: what was asked for under each, and the nodes that are one.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "node/cluster_spec.h"
#include "node/ledger_access.h"
#include "node/peers.h"
#include "node/request.h"
#include "provider/choose.h"
#include "provider/provider.h"

namespace leanto::node {

class Clusters {
 public:
  struct Parts {
    const Clock& clock;
    LedgerAccess& ledger;
    Provider& provider;
    Peers& peers;
    std::string config_file;
  };
  explicit Clusters(Parts parts) : parts_(std::move(parts)) {}

  // The cluster of that name: as `words` say it, which are kept, or, without any, as it's known.
  // kNotFound, kInvalid; kAlreadyExists if it's known with other hosts: the message says how it
  // differs.
  net::Task<Result<ClusterSpec>> resolve(std::string name, wire::Json words);
  // The node of that name; it isn't dialled yet. kNotFound.
  net::Task<Result<std::shared_ptr<Peer>>> find_node(std::string name);
  // How that node is reached. kNotFound.
  net::Task<Result<HostSpec>> find_host(std::string name);
  // All that are known, by name.
  net::Task<Result<std::vector<ClusterSpec>>> all();
  // kNotFound.
  net::Task<Status> forget(std::string name);

  // Whose offer is taken for what the cluster must have. kCapacity if nobody's can be.
  Result<Offer> choose_offer(const ClusterSpec& cluster) const;

 private:
  net::Task<Result<wire::Json>> known_words(std::string name);
  net::Task<Result<ClusterSpec>> find_cluster_of(std::string node);

  Parts parts_;
};

}  // namespace leanto::node
