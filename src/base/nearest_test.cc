#include "base/nearest.h"

#include <gtest/gtest.h>

namespace leanto {
namespace {

using Names = std::vector<std::string>;

const Names kKeys{"accelerators", "price_per_hour", "snapshots", "workers", "logs"};

TEST(Nearest, FindsNamesAFewTypingErrorsAway) {
  EXPECT_EQ(nearest("acelerators", kKeys), Names{"accelerators"});
  EXPECT_EQ(nearest("worker", kKeys), Names{"workers"});
  EXPECT_EQ(nearest("price_per_hours", kKeys), Names{"price_per_hour"});
}

TEST(Nearest, CountsASwapOfNeighboursAsOneError) {
  EXPECT_EQ(nearest("lgos", kKeys), Names{"logs"});
}

TEST(Nearest, DoesNotCareAboutCase) { EXPECT_EQ(nearest("LOGS", kKeys), Names{"logs"}); }

TEST(Nearest, PutsTheNearestFirstAndStopsAtThree) {
  EXPECT_EQ(nearest("node1", Names{"node22", "node12", "node1x", "node1", "nodes"}),
            (Names{"node1", "node12", "node1x"}));
}

TEST(Nearest, FindsNothingWhereNothingIsNear) {
  EXPECT_TRUE(nearest("zebra", kKeys).empty());
  EXPECT_TRUE(nearest("", kKeys).empty());
  EXPECT_TRUE(nearest("x", Names{"y", ""}).empty());
  EXPECT_TRUE(nearest(std::string(100'000, 'a'), Names{std::string(100'000, 'a')}).empty());
}

TEST(DidYouMean, IsTheEndOfAMessageOrNothing) {
  EXPECT_EQ(did_you_mean("log", kKeys), "; did you mean logs?");
  EXPECT_EQ(did_you_mean("bar", Names{"car", "baz"}), "; did you mean baz or car?");
  EXPECT_EQ(did_you_mean("zebra", kKeys), "");
}

}  // namespace
}  // namespace leanto
