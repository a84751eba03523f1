#include "node/run_share.h"

#include <gtest/gtest.h>

namespace leanto::node {
namespace {

const NodeSlots kNode{8, std::uint64_t{32} << 30, {Gpu{"0", "A10G"}, Gpu{"1", "A10G"}}};

RunStore::Attempt attempt(std::int64_t started, std::optional<std::int64_t> ended, RunShare share) {
  RunStore::Attempt attempt;
  attempt.started_at = started;
  attempt.ended_at = ended;
  attempt.share = share;
  return attempt;
}

TEST(ShareOf, IsPricedByTheLargestPartOfTheNode) {
  SlotAsk ask;
  ask.cpus = 2;
  EXPECT_EQ(share_of(ask, kNode, 4.0), (RunShare{0, 1'000'000}));
  ask.memory = std::uint64_t{16} << 30;
  EXPECT_EQ(share_of(ask, kNode, 4.0), (RunShare{0, 2'000'000}));
  ask.gpus = 1.5;
  EXPECT_EQ(share_of(ask, kNode, 4.0), (RunShare{1500, 3'000'000}));
  ask.gpus = 0;
  ask.accelerators["A10G"] = 2;
  EXPECT_EQ(share_of(ask, kNode, 4.0), (RunShare{2000, 4'000'000}));
}

TEST(ShareOf, IsNeverMoreThanTheNode) {
  SlotAsk ask;
  ask.cpus = 20;
  EXPECT_EQ(share_of(ask, kNode, 4.0), (RunShare{0, 4'000'000}));
}

TEST(ShareOf, HasNoPriceWhereNoneIsKnownOrNothingIsReserved) {
  SlotAsk ask;
  EXPECT_EQ(share_of(ask, kNode, 4.0), RunShare());
  ask.gpus = 1;
  EXPECT_EQ(share_of(ask, kNode, std::nullopt), (RunShare{1000, std::nullopt}));
  EXPECT_EQ(share_of(ask, NodeSlots{8, 1, {}}, 4.0), (RunShare{1000, std::nullopt}));
}

TEST(GpuSeconds, AreThoseOfTheAttemptsThatHaveEnded) {
  EXPECT_EQ(gpu_seconds({attempt(1000, 3000, {1500, {}}), attempt(5000, 6000, {500, {}}),
                         attempt(7000, std::nullopt, {1000, {}})}),
            3.5);
  EXPECT_EQ(gpu_seconds({}), 0);
}

TEST(Cost, IsThePriceOfTheHoursThatAttemptsRan) {
  const auto sum =
      cost({attempt(0, 1'800'000, {0, 2'000'000}), attempt(2'000'000, 2'900'000, {0, 4'000'000}),
            attempt(3'000'000, std::nullopt, {0, 4'000'000})});
  ASSERT_TRUE(sum);
  EXPECT_DOUBLE_EQ(*sum, 2.0);
}

TEST(Cost, IsNotKnownWithoutAPrice) {
  EXPECT_EQ(cost({attempt(0, 1000, {1000, std::nullopt})}), std::nullopt);
  EXPECT_EQ(cost({}), std::nullopt);
}

}  // namespace
}  // namespace leanto::node
