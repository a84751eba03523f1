#include "base/run_id.h"

#include <gtest/gtest.h>

namespace leanto {
namespace {

TEST(RunId, SortsByTimeWhateverTheRandomPart) {
  EXPECT_LT(make_run_id(1'700'000'000'000, ~std::uint64_t{0}), make_run_id(1'700'000'000'001, 0));
  EXPECT_NE(make_run_id(1, 2), make_run_id(1, 3));
}

TEST(RunId, IsKnownFromOtherNames) {
  EXPECT_EQ(make_run_id(0, 31), "r00000000000000000z");
  EXPECT_TRUE(is_run_id(make_run_id(1'700'000'000'000, 0x123456789abcdef)));
  for (const char* other : {"", "r", "demo.train", "r00000000000000000zz", "r0000000000000000l",
                            "R00000000000000000z", "x00000000000000000z"}) {
    EXPECT_FALSE(is_run_id(other)) << other;
  }
}

}  // namespace
}  // namespace leanto
