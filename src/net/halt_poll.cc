#include "net/halt_poll.h"

#include <algorithm>
#include <utility>

namespace leanto::net {

namespace {

constexpr unsigned kMostDoublings = 6;  // one in 64 is tried, when it's never of use

}  // namespace

Duration HaltPoll::take() {
  if (!std::exchange(wanted_, false)) return Duration(0);
  if (skip_ > 0) {
    --skip_;
    return Duration(0);
  }
  return kLongest;
}

void HaltPoll::found_nothing() {
  misses_ = std::min(misses_ + 1, kMostDoublings);
  skip_ = (1U << misses_) - 1;
}

}  // namespace leanto::net
