#include "os/failpoint_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>

namespace leanto::failpoints {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::uint64_t> due_passes(const When& when, std::uint64_t passes) {
  std::vector<std::uint64_t> due;
  for (std::uint64_t pass = 1; pass <= passes; ++pass) {
    if (is_due(when, pass)) due.push_back(pass);
  }
  return due;
}

TEST(FailpointRules, AreReadFromText) {
  const auto rules = parse_rules(
      "run.start.synced=kill@3;journal.commit=error(ENOSPC);log.append=error(EIO)@2+;"
      "a=sleep(20)@5%/17;journal.sync=skip;clock.wall=shift(-3600)@200+;");
  ASSERT_TRUE(rules) << rules.error().message;
  EXPECT_THAT(
      *rules,
      ElementsAre(Rule{"run.start.synced", {ActionKind::kKill, "", 0}, {3, true, {}, 0}},
                  Rule{"journal.commit", {ActionKind::kError, "", ENOSPC}, {}},
                  Rule{"log.append", {ActionKind::kError, "", EIO}, {2, false, {}, 0}},
                  Rule{"a", {ActionKind::kSleep, "", 20}, {1, false, 5.0, 17}},
                  Rule{"journal.sync", {ActionKind::kSwitch, "skip", 0}, {}},
                  Rule{"clock.wall", {ActionKind::kSwitch, "shift", -3600}, {200, false, {}, 0}}));
}

TEST(FailpointRules, NoTextIsNoRule) {
  const auto rules = parse_rules("");
  ASSERT_TRUE(rules);
  EXPECT_TRUE(rules->empty());
}

TEST(FailpointRules, WhatMakesNoSenseIsRefusedByName) {
  for (const char* text : {"a", "a=", "=kill", "a=error", "a=error(EPERM)", "a=error(ENOSPC",
                           "a=sleep", "a=sleep(x)", "a=skip(x)", "a=skip()", "a=kill@", "a=kill@0",
                           "a=kill@x", "a=kill@-1", "a=kill@101%", "a=kill@5%17", "a=kill@5%/x"}) {
    const auto rules = parse_rules(std::string("b=kill;") + text);
    ASSERT_FALSE(rules) << text;
    EXPECT_EQ(rules.error().kind, ErrorKind::kInvalid);
    EXPECT_THAT(rules.error().message, HasSubstr("'" + std::string(text) + "'"));
  }
}

TEST(FailpointRules, AreDueOnceOrFromATimeOn) {
  EXPECT_THAT(due_passes({}, 3), ElementsAre(1, 2, 3));
  EXPECT_THAT(due_passes({3, true, {}, 0}, 6), ElementsAre(3));
  EXPECT_THAT(due_passes({3, false, {}, 0}, 5), ElementsAre(3, 4, 5));
}

TEST(FailpointRules, AreDueByChanceAndTheSameForTheSameSeed) {
  const auto some = due_passes({1, false, 10.0, 7}, 10'000);
  EXPECT_GT(some.size(), 800u);
  EXPECT_LT(some.size(), 1200u);
  EXPECT_EQ(due_passes({1, false, 10.0, 7}, 10'000), some);
  EXPECT_NE(due_passes({1, false, 10.0, 8}, 10'000), some);
  EXPECT_TRUE(due_passes({1, false, 0.0, 7}, 1000).empty());
  EXPECT_EQ(due_passes({1, false, 100.0, 7}, 1000).size(), 1000u);
}

}  // namespace
}  // namespace leanto::failpoints
