#include "provider/offer.h"

namespace leanto {

Offer judged(Offer offer, const Requirements& requirements) {
  if (!offer.cannot.empty()) return offer;
  const std::string never = missing(offer.total, requirements);
  const std::string now = missing(offer.free, requirements);
  if (!never.empty()) {
    offer.cannot = fmt::format("has no {}; it has {}", never, describe(offer.total));
  } else if (!now.empty()) {
    offer.cannot = fmt::format("has no {} free now; free are {} of {}", now, describe(offer.free),
                               describe(offer.total));
  }
  return offer;
}

}  // namespace leanto
