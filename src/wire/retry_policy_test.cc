#include "wire/retry_policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace leanto::wire {
namespace {

using ::testing::HasSubstr;

TEST(RetryPolicy, IsReadAndWritten) {
  const Json said = {{"retries",
                      {{"attempts", 3},
                       {"kinds", {"worker_died"}},
                       {"types", {"ValueError", "shop.StockError"}},
                       {"delay", 0.5},
                       {"factor", 3.0},
                       {"max_delay", 10.0},
                       {"jitter", 0.0},
                       {"limit", 3600.0}}},
                     {"on_oom", {{"factor", 1.5}, {"max", 8'000'000'000}, {"sizes", {1, 2}}}}};
  const auto policy = parse_retry_policy(said);
  ASSERT_TRUE(policy) << policy.error().message;
  EXPECT_EQ(policy->retries->attempts, 3);
  EXPECT_EQ(policy->retries->limit, 3600);
  EXPECT_EQ(policy->on_oom->max, 8'000'000'000u);
  EXPECT_EQ(to_json(*policy), said);
  EXPECT_EQ(*parse_retry_policy(to_json(*policy)), *policy);
}

TEST(RetryPolicy, SizesMayBeText) {
  const auto policy = parse_retry_policy({{"on_oom", {{"max", "64GB"}, {"sizes", {"1MiB", 7}}}}});
  ASSERT_TRUE(policy) << policy.error().message;
  EXPECT_EQ(policy->on_oom->max, 64'000'000'000u);
  EXPECT_EQ(policy->on_oom->sizes, (std::vector<MemoryStep>{{1 << 20}, {7}}));
}

TEST(RetryPolicy, MayNameOtherPlaces) {
  const Json there = {{"node", "box"},
                      {"service", "shop.add"},
                      {"version", "abc"},
                      {"memory", 7},
                      {"call", {{"v", "abc"}}}};
  Json here = there;
  here["node"] = "";
  const Json said = {
      {"retries",
       {{"attempts", 3},
        {"kinds", Json::array()},
        {"types", Json::array()},
        {"delay", 1.0},
        {"factor", 2.0},
        {"max_delay", 60.0},
        {"jitter", 0.25},
        {"places", 2}}},
      {"on_oom", {{"factor", 2.0}, {"sizes", {1, {{"size", 2}, {"place", 1}}}}}},
      {"places", {here, there}},
  };
  const auto policy = parse_retry_policy(said);
  ASSERT_TRUE(policy) << policy.error().message;
  EXPECT_EQ(policy->places.at(1).node, "box");
  EXPECT_EQ(policy->on_oom->sizes, (std::vector<MemoryStep>{{1}, {2, 1}}));
  EXPECT_EQ(to_json(*policy), said);
  for (const Json& wrong :
       {Json{{"places", Json::array()}}, Json{{"places", "box"}}, Json{{"places", {"box"}}},
        Json{{"places", {{{"node", "box"}}}}}, Json{{"retries", {{"places", 3}}}},
        Json{{"on_oom", {{"sizes", {{{"size", 2}, {"place", 2}}}}}}}}) {
    Json changed = said;
    changed.update(wrong);
    EXPECT_FALSE(parse_retry_policy(changed)) << wrong;
  }
}

TEST(RetryPolicy, SaysNothingWhereNothingIsSaid) {
  const auto policy = parse_retry_policy({{"v", "abc"}});
  ASSERT_TRUE(policy);
  EXPECT_EQ(*policy, RetryPolicy());
  EXPECT_TRUE(to_json(*policy).empty());
}

TEST(RetryPolicy, WhatMakesNoSenseIsRefusedByName) {
  const std::vector<std::pair<Json, std::string>> wrong = {
      {{{"retries", 3}}, "retries"},
      {{{"retries", {{"attempts", 0}}}}, "attempts"},
      {{{"retries", {{"attempts", "three"}}}}, "attempts"},
      {{{"retries", {{"types", "ValueError"}}}}, "types"},
      {{{"retries", {{"kinds", {1}}}}}, "kinds"},
      {{{"retries", {{"factor", 0.5}}}}, "factor"},
      {{{"retries", {{"jitter", 2}}}}, "jitter"},
      {{{"on_oom", {{"factor", 1}}}}, "factor"},
      {{{"on_oom", {{"sizes", {-1}}}}}, "sizes"},
      {{{"on_oom", {{"max", "much"}}}}, "max"},
  };
  for (const auto& [said, name] : wrong) {
    const auto policy = parse_retry_policy(said);
    ASSERT_FALSE(policy) << said;
    EXPECT_EQ(policy.error().kind, ErrorKind::kInvalid);
    EXPECT_THAT(policy.error().message, HasSubstr(name));
  }
}

}  // namespace
}  // namespace leanto::wire
