#include "node/value_moves.h"

namespace leanto::node {

void ValueMoves::shut(const std::string& from, const std::string& to, std::string why) {
  const MonotonicTime now = clock_.monotonic();
  std::erase_if(shut_, [now](const auto& each) { return each.second.until <= now; });
  if (shut_.size() < kMaxShut) shut_[{from, to}] = {now + kShutFor, std::move(why)};
}

std::string ValueMoves::why_shut(const std::string& from, const std::string& to) {
  const auto found = shut_.find({from, to});
  if (found == shut_.end() || found->second.until <= clock_.monotonic()) return "";
  return found->second.why;
}

}  // namespace leanto::node
