#include "provider/requirements.h"

#include <gtest/gtest.h>

namespace leanto {
namespace {

Requirements parsed(std::string_view text) {
  const auto requirements = parse_requirements(text);
  EXPECT_TRUE(requirements.has_value()) << text;
  return requirements.value_or(Requirements());
}

TEST(ParseRequirements, TakesAnAcceleratorWithAndWithoutItsCount) {
  EXPECT_EQ(parsed("A10G"), (Requirements{0, 0, {{"A10G", 1}}}));
  EXPECT_EQ(parsed("A10G:1"), parsed("A10G"));
  EXPECT_EQ(parsed("A100:8"), (Requirements{0, 0, {{"A100", 8}}}));
  EXPECT_EQ(parsed("A100-80GB:2"), (Requirements{0, 0, {{"A100-80GB", 2}}}));
  EXPECT_EQ(parsed("tpu-v2-8"), (Requirements{0, 0, {{"tpu-v2-8", 1}}}));
}

TEST(ParseRequirements, TakesProcessorsWithAndWithoutAPlus) {
  EXPECT_EQ(parsed("CPU:4"), (Requirements{4, 0, {}}));
  EXPECT_EQ(parsed("CPU:4+"), parsed("CPU:4"));
  EXPECT_EQ(parsed("cpus:0.5"), (Requirements{0.5, 0, {}}));
}

TEST(ParseRequirements, TakesSeveralAtOnce) {
  EXPECT_EQ(parsed("CPU:16, A100:8"), (Requirements{16, 0, {{"A100", 8}}}));
  EXPECT_EQ(parsed(" L4 : 2 ,T4"), (Requirements{0, 0, {{"L4", 2}, {"T4", 1}}}));
}

TEST(ParseRequirements, RefusesEverythingElseWithExamples) {
  for (const char* text : {"",
                           ",",
                           "A10G:",
                           ":1",
                           "A10G:0",
                           "A10G:-1",
                           "A10G:1.5",
                           "A10G:1+",
                           "A10G:x",
                           "A10G:1:2",
                           "CPU",
                           "CPU:",
                           "CPU:0",
                           "CPU:-4",
                           "CPU:nan",
                           "CPU:inf",
                           "CPU:4++",
                           "CPU:1,CPU:2",
                           "A10G,a10g:2",
                           "A10G:99999",
                           "A10G:99999999999999",
                           "8",
                           "8xA100",
                           "A 100",
                           "A10G;T4",
                           "A10G,",
                           "\xff\xfe",
                           "CPU:1e99"}) {
    const auto requirements = parse_requirements(text);
    ASSERT_FALSE(requirements.has_value()) << text;
    EXPECT_EQ(requirements.error().kind, ErrorKind::kInvalid);
    EXPECT_NE(requirements.error().message.find("\"A10G:1\""), std::string::npos);
  }
  EXPECT_FALSE(parse_requirements(std::string(100'000, 'a')).has_value());
}

TEST(Accelerators, OfOneKindAreOneWhateverTheCase) {
  EXPECT_EQ(missing(parsed("A10G:2"), parsed("a10g:2")), "");
  EXPECT_EQ(missing(parsed("A10G:1"), parsed("a10g:2")), "2 x a10g");
}

TEST(Missing, NamesEachPartThatIsShort) {
  const Resources had{8, 16'000'000'000, {{"T4", 1}}};
  EXPECT_EQ(missing(had, Requirements()), "");
  EXPECT_EQ(missing(had, had), "");
  EXPECT_EQ(missing(had, {9, 16'000'000'000, {}}), "9 CPUs");
  EXPECT_EQ(missing(had, {1, 17'000'000'000, {{"A10G", 1}, {"T4", 1}}}), "1 x A10G, 17 GB");
}

TEST(Describe, IsWhatAUserWouldSay) {
  EXPECT_EQ(describe(Resources{8, 16'000'000'000, {{"A10G", 2}}}), "2 x A10G, 8 CPUs, 16 GB");
  EXPECT_EQ(describe(Resources{1, 0, {}}), "1 CPU");
  EXPECT_EQ(describe(Resources{0.5, 0, {}}), "0.5 CPUs");
  EXPECT_EQ(describe(Resources()), "nothing");
}

TEST(Subtract, StopsAtZero) {
  const Resources had{8, 100, {{"T4", 2}, {"L4", 1}}};
  EXPECT_EQ(subtract(had, Resources{3, 40, {{"T4", 1}}}),
            (Resources{5, 60, {{"T4", 1}, {"L4", 1}}}));
  EXPECT_EQ(subtract(had, Resources{9, 200, {{"T4", 5}, {"L4", 1}}}), Resources());
}

}  // namespace
}  // namespace leanto
