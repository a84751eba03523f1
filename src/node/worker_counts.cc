#include "node/worker_counts.h"

#include <algorithm>
#include <chrono>

namespace leanto::node {

using namespace std::chrono_literals;

bool may_start(const WorkerCounts& have, const ServiceSettings& settings) {
  const int at_work = settings.fresh ? have.leaving : 0;
  return have.staying + have.starting + at_work < settings.workers;
}

bool is_below_minimum(const WorkerCounts& have, const ServiceSettings& settings) {
  return have.staying + have.starting < settings.min_workers && may_start(have, settings);
}

int spare_workers(const WorkerCounts& have, const ServiceSettings& settings) {
  return std::max(0, have.staying - settings.min_workers);
}

Duration restart_pause(int failures) {
  constexpr Duration kFirst = 100ms;
  constexpr Duration kLongest = 1min;
  if (failures <= 0) return Duration(0);
  const int doublings = std::min(failures - 1, 20);
  return std::min(kLongest, kFirst * (1 << doublings));
}

int count_failure(int failures, Duration lived) { return lived >= 1min ? 1 : failures + 1; }

}  // namespace leanto::node
