// What this machine and the hosts that are known can offer for what is asked.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "node/cluster_spec.h"
#include "node/peers.h"
#include "provider/provider.h"
#include "wire/head.h"

namespace leanto::node {

wire::Json to_json(const Offer& offer);
Requirements requirements_from(const wire::Json& json);
// As another node says it; `host` is how it's known here.
Offer offer_from_json(const wire::Json& json, const HostSpec& host);

class OfferBook {
 public:
  struct Parts {
    net::Loop& loop;
    Provider& here;
    Peers& peers;
  };
  // How long all hosts together may take to answer.
  static constexpr Duration kLimit = std::chrono::seconds(20);

  explicit OfferBook(Parts parts) : parts_(std::move(parts)) {}

  // Asks this machine and each node of the clusters, all at once; those that are down are dialled.
  // Who can't be reached says so in Offer::cannot.
  net::Task<Result<std::vector<Offer>>> collect(std::vector<ClusterSpec> clusters,
                                                Requirements requirements);

 private:
  struct Collected;
  net::Task<> ask(HostSpec host, std::shared_ptr<Peer> peer, std::size_t place,
                  Requirements requirements, std::shared_ptr<Collected> collected);

  Parts parts_;
};

}  // namespace leanto::node
