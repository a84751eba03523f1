// Clusters by name: what was asked for under each, and the nodes that are one.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "node/cluster_spec.h"
#include "node/hosts_file.h"
#include "node/ledger_access.h"
#include "node/offers.h"
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
    OfferBook& offers;
    std::string config_file;
    std::filesystem::path hosts_file;
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

  // What everybody offers for that.
  net::Task<Result<std::vector<Offer>>> offers(Requirements requirements);
  // What this machine offers.
  Result<Offer> offer_here(const Requirements& requirements) const;

  // For a cluster without hosts: whose offer is taken for these words, which are kept with the
  // choice. It's the same as last time, as long as that is known. kCapacity if nobody's can be.
  struct Choice {
    Offer offer;
    wire::Json path = wire::Json::array();  // whose offer would have been, and why not
  };
  net::Task<Result<Choice>> choose_node(ClusterSpec cluster, wire::Json words);

 private:
  net::Task<Result<Choice>> choose_anew(ClusterSpec cluster);
  net::Task<std::optional<Offer>> chosen_before(wire::Json known);
  Result<Offer> choose_offer(const ClusterSpec& cluster, const std::vector<Offer>& offers) const;
  net::Task<Result<HostsFile>> hosts_file();
  net::Task<Status> store(std::string name, wire::Json words);
  net::Task<Status> reach(std::string node);
  net::Task<Result<wire::Json>> known_words(std::string name);
  net::Task<Result<ClusterSpec>> find_cluster_of(std::string node);

  Parts parts_;
};

}  // namespace leanto::node
