// What an attempt of a run holds of its node, and what that costs: for its record.
#pragma once

#include <optional>

#include "node/slots.h"
#include "store/runs.h"

namespace leanto::node {

// The price is the node's, times the largest of the shares of its processors, memory and GPUs that
// `ask` reserves. None if the node has none, or if nothing is reserved.
RunShare share_of(const SlotAsk& ask, const NodeSlots& node, std::optional<double> price_per_hour);

// Of the attempts that have ended.
double gpu_seconds(const std::vector<RunStore::Attempt>& attempts);
std::optional<double> cost(const std::vector<RunStore::Attempt>& attempts);

}  // namespace leanto::node
