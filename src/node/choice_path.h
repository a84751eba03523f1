// Why a choice among offers was not another one, for the record.
#pragma once

#include <vector>

#include "node/cluster_spec.h"
#include "provider/offer.h"

namespace leanto::node {

// Of the offers that can't, those that would have been taken instead of `chosen`, in no order:
// hosts that are down, and those without room now. One that could never give so much was no
// candidate.
std::vector<Offer> passed_over(const ClusterSpec& cluster, const std::vector<Offer>& offers,
                               const Offer& chosen);

}  // namespace leanto::node
