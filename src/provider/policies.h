// How one of several offers is chosen. A policy is an order: the best offer comes first in it. All
// of them end with the names of cluster and node, so that the same offers give the same choice.
#pragma once

#include "provider/offer.h"

namespace leanto {

// What an hour costs in addition: an owned machine without a price costs nothing more, a rented one
// without a price may cost anything.
double hourly_cost(const Offer& offer);

bool cheaper(const Offer& a, const Offer& b);  // then the sooner
bool sooner(const Offer& a, const Offer& b);   // then the cheaper

}  // namespace leanto
