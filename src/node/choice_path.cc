#include "node/choice_path.h"

#include <algorithm>

#include "provider/choose.h"
#include "provider/policies.h"

namespace leanto::node {

namespace {

bool is_same(const Offer& a, const Offer& b) { return a.cluster == b.cluster && a.node == b.node; }

bool is_about(const std::string& policy, const Offer& offer) {
  return policy == kCheapest || policy == kAvailable || policy == offer.cluster ||
         policy == offer.provider;
}

// Who could not be asked has said nothing of what it has.
bool could_never(const Offer& offer, const Requirements& requirements) {
  return offer.total.memory_bytes > 0 && !missing(offer.total, requirements).empty();
}

}  // namespace

std::vector<Offer> passed_over(const ClusterSpec& cluster, const std::vector<Offer>& offers,
                               const Offer& chosen) {
  std::vector<Offer> found;
  for (const std::string& policy : cluster.policies) {
    const bool is_last = is_about(policy, chosen);
    const auto better = policy == kAvailable ? sooner : cheaper;
    for (const Offer& offer : offers) {
      if (offer.cannot.empty() || !is_about(policy, offer)) continue;
      if (is_last && !better(offer, chosen)) continue;
      if (could_never(offer, cluster.requirements)) continue;
      const bool known = std::any_of(found.begin(), found.end(),
                                     [&](const Offer& each) { return is_same(each, offer); });
      if (!known) found.push_back(offer);
    }
    if (is_last) break;
  }
  return found;
}

}  // namespace leanto::node
