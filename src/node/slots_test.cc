#include "node/slots.h"

#include <gmock/gmock.h>

namespace leanto::node {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::uint64_t kGb = 1'000'000'000;

NodeSlots machine() { return {4, 16 * kGb, {{"0", "A10G"}, {"1", "A10G"}, {"2", "T4"}}}; }
SlotAsk cpus(double count) { return {count, 0, 0, {}}; }
SlotAsk memory(std::uint64_t bytes) { return {0, bytes, 0, {}}; }
SlotAsk gpus(double count) { return {0, 0, count, {}}; }
SlotAsk kind(const std::string& name, double count) { return {0, 0, 0, {{name, count}}}; }

// Takes what there is room for; the holding's GPUs.
std::optional<std::vector<GpuShare>> take(Slots& slots, HoldingId id, const SlotAsk& ask) {
  const auto room = slots.find_room(ask);
  if (!room) return std::nullopt;
  slots.take(id, *room);
  return room->gpus;
}

TEST(Slots, AreCountedUntilTheyAreTakenAndAgainWhenTheyAreGivenBack) {
  Slots slots(machine());
  EXPECT_TRUE(take(slots, 1, cpus(3)).has_value());
  EXPECT_FALSE(slots.find_room(cpus(2)).has_value());
  EXPECT_TRUE(slots.find_room(cpus(1)).has_value());
  slots.give_back(1);
  EXPECT_TRUE(slots.find_room(cpus(4)).has_value());
}

TEST(Slots, CountMemory) {
  Slots slots(machine());
  EXPECT_TRUE(take(slots, 1, memory(10 * kGb)).has_value());
  EXPECT_FALSE(slots.find_room(memory(7 * kGb)).has_value());
  EXPECT_TRUE(slots.find_room(memory(6 * kGb)).has_value());
}

TEST(Slots, HaveRoomForWhoAsksForNothing) {
  Slots slots({0, 0, {}});
  EXPECT_TRUE(slots.find_room({}).has_value());
  EXPECT_TRUE(slots.can_ever({}));
}

TEST(Slots, GiveWholeGpusOneByOne) {
  Slots slots(machine());
  EXPECT_EQ(take(slots, 1, gpus(2)), (std::vector<GpuShare>{{0, 1}, {1, 1}}));
  EXPECT_EQ(take(slots, 2, gpus(1)), (std::vector<GpuShare>{{2, 1}}));
  EXPECT_FALSE(slots.find_room(gpus(1)).has_value());
  EXPECT_FALSE(slots.find_room(gpus(0.1)).has_value());
}

TEST(Slots, PutSharesTogetherSoThatWholeGpusStayFree) {
  Slots slots(machine());
  EXPECT_EQ(take(slots, 1, gpus(0.5)), (std::vector<GpuShare>{{0, 0.5}}));
  EXPECT_EQ(take(slots, 2, gpus(0.25)), (std::vector<GpuShare>{{0, 0.25}}));
  EXPECT_EQ(take(slots, 3, gpus(0.5)), (std::vector<GpuShare>{{1, 0.5}}));
  EXPECT_EQ(take(slots, 4, gpus(1)), (std::vector<GpuShare>{{2, 1}}));
  EXPECT_FALSE(slots.find_room(gpus(1)).has_value());
  EXPECT_EQ(take(slots, 5, gpus(0.25)), (std::vector<GpuShare>{{0, 0.25}}));
}

TEST(Slots, HaveRoomForThreeThirdsOfAGpuAndNoMore) {
  Slots slots({1, kGb, {{"0", ""}}});
  for (HoldingId id = 1; id <= 3; ++id) EXPECT_TRUE(take(slots, id, gpus(1.0 / 3)).has_value());
  EXPECT_FALSE(slots.find_room(gpus(0.01)).has_value());
}

TEST(Slots, GiveTheKindThatWasAskedFor) {
  Slots slots(machine());
  EXPECT_EQ(take(slots, 1, kind("t4", 1)), (std::vector<GpuShare>{{2, 1}}));
  EXPECT_FALSE(slots.find_room(kind("T4", 0.5)).has_value());
  EXPECT_TRUE(slots.can_ever(kind("T4", 0.5)));
  EXPECT_FALSE(slots.can_ever(kind("T4", 2)));
  EXPECT_FALSE(slots.can_ever(kind("H100", 1)));
}

TEST(Slots, KnowAKindByItsFirstWords) {
  EXPECT_TRUE(is_of_kind({"0", "A100-SXM4-40GB"}, "a100"));
  EXPECT_FALSE(is_of_kind({"0", "A100-SXM4-40GB"}, "A10"));
  EXPECT_FALSE(is_of_kind({"0", ""}, "A10"));
}

TEST(Slots, SayWhatIsAskedForAndWhatThereIs) {
  EXPECT_EQ(describe(SlotAsk{2, 4 * kGb, 0.5, {{"A10G", 1}}}),
            "1 x A10G, 0.5 GPUs, 2 CPUs, 4 GB of memory");
  EXPECT_EQ(describe(SlotAsk{}), "nothing");
  EXPECT_EQ(describe(machine()), "2 x A10G, 1 x T4, 4 CPUs, 16 GB of memory");
  EXPECT_EQ(describe(NodeSlots{1, kGb, {}}), "no GPU, 1 CPU, 1 GB of memory");
}

TEST(Slots, SayWhatIsLacking) {
  Slots slots(machine());
  take(slots, 1, {4, 0, 3, {}});
  EXPECT_EQ(slots.lacking({1, kGb, 1, {}}), (SlotAsk{1, 0, 1, {}}));
}

TEST(DecideGrants, ServesThoseThatWaitInTheirOrder) {
  const auto grants = decide_grants(Slots(machine()), {cpus(2), cpus(2), cpus(1)});
  ASSERT_EQ(grants.size(), 2u);
  EXPECT_EQ(grants[0].waiting, 0u);
  EXPECT_EQ(grants[1].waiting, 1u);
}

TEST(DecideGrants, LetsNobodyOvertakeForTheSameKindOfSlot) {
  Slots slots(machine());
  take(slots, 1, cpus(2));
  EXPECT_THAT(decide_grants(slots, {cpus(4), cpus(1)}), IsEmpty());
}

TEST(DecideGrants, LetsThoseByWhoWantSomethingElse) {
  Slots slots(machine());
  take(slots, 1, gpus(3));
  const auto grants = decide_grants(slots, {gpus(1), cpus(1), gpus(0.5), memory(kGb)});
  ASSERT_EQ(grants.size(), 2u);
  EXPECT_EQ(grants[0].waiting, 1u);
  EXPECT_EQ(grants[1].waiting, 3u);
}

struct ChooseToLeave : testing::Test {
  ChooseToLeave() {
    take(slots, 1, {1, 0, 0, {}});
    take(slots, 2, {1, 0, 2, {}});
    take(slots, 3, {2, 0, 1, {}});
  }
  Slots slots{machine()};
};

TEST_F(ChooseToLeave, TakesTheFirstThatHelp) {
  EXPECT_THAT(choose_to_leave(slots, {}, {1, 2, 3}, {cpus(1)}), ElementsAre(1));
  EXPECT_THAT(choose_to_leave(slots, {}, {1, 2, 3}, {cpus(2)}), ElementsAre(1, 2));
}

TEST_F(ChooseToLeave, LeavesThoseInPeaceThatDoNotHelp) {
  EXPECT_THAT(choose_to_leave(slots, {}, {1, 3, 2}, {gpus(1)}), ElementsAre(3));
}

TEST_F(ChooseToLeave, SendsNobodyAwayInVain) {
  EXPECT_THAT(choose_to_leave(slots, {}, {1, 3}, {gpus(3)}), IsEmpty());
}

TEST_F(ChooseToLeave, CountsOnThoseThatAreLeaving) {
  EXPECT_THAT(choose_to_leave(slots, {3}, {1, 2}, {gpus(1)}), IsEmpty());
}

TEST_F(ChooseToLeave, SendsNobodyAwayForOneWhoWaitsBehindAnother) {
  EXPECT_THAT(choose_to_leave(slots, {}, {3}, {gpus(3), gpus(1)}), IsEmpty());
}

TEST(VisibleDevices, AreTheGpusThatAreHeld) {
  NodeSlots all;
  for (int i = 0; i < 12; ++i) all.gpus.push_back({std::to_string(i), ""});
  EXPECT_EQ(visible_devices(all, {0, 0, {{10, 1}, {2, 1}}}), "2,10");
  EXPECT_EQ(visible_devices(all, {0, 0, {{3, 0.5}, {3, 0.25}}}), "3");
  EXPECT_EQ(visible_devices(all, {}), "");
}

}  // namespace
}  // namespace leanto::node
