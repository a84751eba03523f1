#include "node/capacity.h"

#include <gmock/gmock.h>

namespace leanto::node {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const Machine kMachine{.cpus = 8, .memory_bytes = 32'000'000'000, .available_memory_bytes = 1};

std::vector<Gpu> gpus(const AcceleratorCounts& declared, const std::vector<FoundGpu>& found,
                      const std::optional<std::string>& visible = std::nullopt) {
  return node_slots(kMachine, declared, found, visible).gpus;
}

TEST(NodeSlots, AreTheMachinesProcessorsAndMemory) {
  const NodeSlots slots = node_slots(kMachine, {}, {}, std::nullopt);
  EXPECT_EQ(slots.cpus, 8);
  EXPECT_EQ(slots.memory, 32'000'000'000u);
  EXPECT_THAT(slots.gpus, IsEmpty());
}

TEST(NodeSlots, HaveTheGpusThatWereFound) {
  EXPECT_THAT(gpus({}, {{"A10G"}, {"T4"}}), ElementsAre(Gpu{"0", "A10G"}, Gpu{"1", "T4"}));
}

TEST(NodeSlots, HaveTheGpusThatTheOwnerDeclares) {
  EXPECT_THAT(gpus({{"T4", 1}, {"A10G", 2}}, {{""}, {""}}),
              ElementsAre(Gpu{"0", "A10G"}, Gpu{"1", "A10G"}, Gpu{"2", "T4"}));
}

TEST(NodeSlots, HaveNoMoreThanTheDaemonItselfMaySee) {
  EXPECT_THAT(gpus({}, {{"A10G"}, {"T4"}}, "1"), ElementsAre(Gpu{"1", "T4"}));
  EXPECT_THAT(gpus({}, {{"A10G"}}, "GPU-6d1b,GPU-77"),
              ElementsAre(Gpu{"GPU-6d1b", ""}, Gpu{"GPU-77", ""}));
  EXPECT_THAT(gpus({}, {{"A10G"}}, ""), IsEmpty());
  EXPECT_THAT(gpus({}, {{"A10G"}}, "-1"), IsEmpty());
}

TEST(NodeSlots, KnowTheKindOfAGpuThatIsNamedByItsUuid) {
  EXPECT_THAT(gpus({}, {{"A10G", "GPU-6d1b22"}, {"T4", "GPU-77aa"}}, "GPU-77,GPU-6d1b22"),
              ElementsAre(Gpu{"GPU-77", "T4"}, Gpu{"GPU-6d1b22", "A10G"}));
}

TEST(AcceleratorCounts, GoByTheFirstWordOfAKind) {
  EXPECT_EQ(accelerator_counts({{"0", "A100-SXM4-40GB"}, {"1", "A100-SXM4-80GB"}, {"2", ""}}),
            (AcceleratorCounts{{"A100", 2}, {"GPU", 1}}));
}

TEST(ResourcesInUse, CountAGpuOfWhichSomebodyHasAPart) {
  Slots slots(node_slots(kMachine, {}, {{"A10G"}, {"A10G"}}, std::nullopt));
  slots.take(1, {2, 1000, {{0, 0.5}}});
  slots.take(2, {1, 0, {{0, 0.25}}});
  EXPECT_EQ(resources_in_use(slots), (Resources{3, 1000, {{"A10G", 1}}}));
}

}  // namespace
}  // namespace leanto::node
