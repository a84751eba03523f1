// What this node has seen of values and source trees that move from one other node to another: how
// many went which way, and between whom there's no direct way for now, so that not each waits for
// the same firewall.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "base/clock.h"

namespace leanto::node {

class ValueMoves {
 public:
  static constexpr Duration kShutFor = std::chrono::minutes(5);
  static constexpr std::size_t kMaxShut = 1000;  // pairs; of more it's found out each time

  explicit ValueMoves(const Clock& clock) : clock_(clock) {}

  // `to` could not reach `from`.
  void shut(const std::string& from, const std::string& to, std::string why);
  // Why they needn't try; empty: they should.
  std::string why_shut(const std::string& from, const std::string& to);

  void went_directly() { ++direct_; }
  void tree_went_directly() { ++trees_direct_; }
  void went_by_way_of_here(std::string why) {
    ++by_way_of_here_;
    why_not_direct_ = std::move(why);
  }
  std::uint64_t direct() const { return direct_; }
  std::uint64_t trees_direct() const { return trees_direct_; }
  std::uint64_t by_way_of_here() const { return by_way_of_here_; }
  // Of the last that came by here; empty: none has.
  const std::string& why_not_direct() const { return why_not_direct_; }

 private:
  struct Shut {
    MonotonicTime until;
    std::string why;
  };
  const Clock& clock_;
  std::map<std::pair<std::string, std::string>, Shut> shut_;
  std::uint64_t direct_ = 0;
  std::uint64_t trees_direct_ = 0;
  std::uint64_t by_way_of_here_ = 0;
  std::string why_not_direct_;
};

}  // namespace leanto::node
