#include "node/value_moves.h"

#include <gtest/gtest.h>

#include "node/fake_worker.h"

namespace leanto::node {
namespace {

void pass(ManualClock& clock, Duration by) {
  clock.monotonic_ms += std::chrono::duration_cast<std::chrono::milliseconds>(by).count();
}

TEST(ValueMoves, DoNotTryAShutWayForAWhile) {
  ManualClock clock;
  ValueMoves moves(clock);
  moves.shut("farm", "box", "a firewall");
  EXPECT_EQ(moves.why_shut("farm", "box"), "a firewall");
  EXPECT_EQ(moves.why_shut("box", "farm"), "");
  pass(clock, ValueMoves::kShutFor);
  EXPECT_EQ(moves.why_shut("farm", "box"), "");
}

TEST(ValueMoves, RememberABoundedNumberOfShutWays) {
  ManualClock clock;
  ValueMoves moves(clock);
  for (std::size_t n = 0; n <= ValueMoves::kMaxShut; ++n)
    moves.shut("farm/" + std::to_string(n), "box", "why");
  EXPECT_EQ(moves.why_shut("farm/0", "box"), "why");
  EXPECT_EQ(moves.why_shut("farm/" + std::to_string(ValueMoves::kMaxShut), "box"), "");
  pass(clock, ValueMoves::kShutFor);
  moves.shut("farm", "box", "another");
  EXPECT_EQ(moves.why_shut("farm", "box"), "another");
}

}  // namespace
}  // namespace leanto::node
