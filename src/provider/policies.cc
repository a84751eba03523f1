#include "provider/policies.h"

#include <limits>
#include <tuple>

namespace leanto {
namespace {

auto names(const Offer& offer) { return std::tie(offer.cluster, offer.node, offer.provider); }

}  // namespace

double hourly_cost(const Offer& offer) {
  const bool owned = offer.ownership == Ownership::kOwned;
  return offer.price_per_hour.value_or(owned ? 0 : std::numeric_limits<double>::infinity());
}

bool cheaper(const Offer& a, const Offer& b) {
  return std::tuple(hourly_cost(a), a.start_time, names(a)) <
         std::tuple(hourly_cost(b), b.start_time, names(b));
}

bool sooner(const Offer& a, const Offer& b) {
  return std::tuple(a.start_time, hourly_cost(a), names(a)) <
         std::tuple(b.start_time, hourly_cost(b), names(b));
}

}  // namespace leanto
