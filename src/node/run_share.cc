#include "node/run_share.h"

#include <algorithm>
#include <cmath>

namespace leanto::node {

namespace {

constexpr double kSecondsPerHour = 3600;

double part(double asked, double all) { return asked > 0 && all > 0 ? asked / all : 0; }

double seconds_of(const RunStore::Attempt& attempt) {
  if (!attempt.ended_at) return 0;
  const auto milliseconds = std::max<std::int64_t>(0, *attempt.ended_at - attempt.started_at);
  return static_cast<double>(milliseconds) / 1000;
}

}  // namespace

RunShare share_of(const SlotAsk& ask, const NodeSlots& node, std::optional<double> price_per_hour) {
  const double gpus = ask.gpu_count();
  const double largest =
      std::max({part(ask.cpus, node.cpus),
                part(static_cast<double>(ask.memory), static_cast<double>(node.memory)),
                part(gpus, static_cast<double>(node.gpus.size()))});
  RunShare share;
  share.gpus_1000 = std::llround(gpus * 1000);
  if (price_per_hour && largest > 0)
    share.price_1000000 = std::llround(*price_per_hour * std::min(largest, 1.0) * 1e6);
  return share;
}

double gpu_seconds(const std::vector<RunStore::Attempt>& attempts) {
  double seconds = 0;
  for (const RunStore::Attempt& attempt : attempts)
    seconds += static_cast<double>(attempt.share.gpus_1000) / 1000 * seconds_of(attempt);
  return seconds;
}

std::optional<double> cost(const std::vector<RunStore::Attempt>& attempts) {
  std::optional<double> sum;
  for (const RunStore::Attempt& attempt : attempts) {
    if (!attempt.share.price_1000000 || !attempt.ended_at) continue;
    const double price = static_cast<double>(*attempt.share.price_1000000) / 1e6;
    sum = sum.value_or(0) + price * seconds_of(attempt) / kSecondsPerHour;
  }
  return sum;
}

}  // namespace leanto::node
