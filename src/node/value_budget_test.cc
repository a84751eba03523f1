#include "node/value_budget.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace leanto::node {
namespace {

using ::testing::HasSubstr;

TEST(ValueBudget, GivesMemoryThenDiskThenNothing) {
  ValueBudget budget({100, 50, "/values"});
  auto memory = budget.reserve(100);
  const auto disk = budget.reserve(50);
  ASSERT_TRUE(memory && disk);
  EXPECT_FALSE(memory->is_on_disk());
  EXPECT_TRUE(disk->is_on_disk());
  const auto refused = budget.reserve(1);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kCapacity);
  EXPECT_THAT(refused.error().message,
              HasSubstr("100 B of 100 B of memory and 50 B of 50 B of disk"));
  EXPECT_FALSE(budget.reserve(~std::uint64_t{0})) << "sums don't run over";
}

TEST(ValueBudget, RoomComesBackOnce) {
  ValueBudget budget({100, 0, {}});
  {
    auto room = budget.reserve(60);
    const ValueBudget::Room moved = *std::move(room);
    EXPECT_EQ(budget.use().memory, 60u);
    const auto refused = budget.reserve(60);
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message, HasSubstr("over_memory = \"disk\""));
  }
  EXPECT_EQ(budget.use().memory, 0u);
}

}  // namespace
}  // namespace leanto::node
