#include "base/usable_cpus.h"

#include <sched.h>

#include <algorithm>
#include <array>

namespace leanto {

int usable_cpus() {
  std::array<cpu_set_t, 16> sets{};  // 16,384 processors
  if (::sched_getaffinity(0, sizeof sets, sets.data()) != 0) return 1;
  return std::max(1, CPU_COUNT_S(sizeof sets, sets.data()));
}

}  // namespace leanto
