#include "provider/local.h"

#include <gtest/gtest.h>

namespace leanto {
namespace {

constexpr Machine kMachine{8, 32'000'000'000, 20'000'000'000};

LocalSettings settings() {
  return {.cluster = "here", .node = "box", .accelerators = {{"A10G", 2}}, .price_per_hour = {}};
}

TEST(LocalOffer, HasTheMachineAndTheDeclaredAccelerators) {
  const Offer offer = local_offer(settings(), kMachine, Resources());
  EXPECT_EQ(offer.total, (Resources{8, 32'000'000'000, {{"A10G", 2}}}));
  EXPECT_EQ(offer.free, (Resources{8, 20'000'000'000, {{"A10G", 2}}})) << "what others leave";
  EXPECT_EQ(offer.ownership, Ownership::kOwned);
  EXPECT_EQ(offer.start_time, Duration(0));
}

TEST(LocalOffer, IsLessByWhatWorkersHold) {
  const Offer offer = local_offer(settings(), kMachine, {6, 30'000'000'000, {{"A10G", 1}}});
  EXPECT_EQ(offer.free, (Resources{2, 2'000'000'000, {{"A10G", 1}}}));
}

TEST(LocalProvider, SaysWhyItCannot) {
  LocalProvider provider(settings(), [] { return kMachine; }, [] { return Resources(); });
  const auto can = provider.offers({4, 0, {{"a10g", 2}}});
  ASSERT_TRUE(can.has_value());
  ASSERT_EQ(can->size(), 1u);
  EXPECT_EQ(can->front().cannot, "");
  EXPECT_EQ(provider.offers({4, 0, {{"A100", 1}}})->front().cannot,
            "has no 1 x A100; it has 2 x A10G, 8 CPUs, 32 GB");
  EXPECT_EQ(provider.name(), "local");
}

TEST(LocalProvider, PassesOnThatTheMachineCannotBeRead) {
  LocalProvider provider(
      settings(), [] { return fail(ErrorKind::kInternal, "no /proc"); },
      [] { return Resources(); });
  EXPECT_EQ(provider.offers({}).error().message, "no /proc");
}

}  // namespace
}  // namespace leanto
