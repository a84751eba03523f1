#include "node/worker_counts.h"

#include <gtest/gtest.h>

#include <chrono>

namespace leanto::node {
namespace {

using namespace std::chrono_literals;

ServiceSettings between(int least, int most) {
  ServiceSettings settings;
  settings.min_workers = least;
  settings.workers = most;
  return settings;
}
ServiceSettings fresh(int least, int most) {
  ServiceSettings settings = between(least, most);
  settings.fresh = true;
  return settings;
}

TEST(WorkerCounts, StayBelowTheMost) {
  EXPECT_TRUE(may_start({.staying = 1, .leaving = 0, .starting = 0}, between(0, 2)));
  EXPECT_FALSE(may_start({.staying = 1, .leaving = 0, .starting = 1}, between(0, 2)));
  EXPECT_TRUE(may_start({.staying = 1, .leaving = 5, .starting = 0}, between(0, 2)));
}

TEST(WorkerCounts, CountThoseThatServeTheirOnlyCall) {
  EXPECT_FALSE(may_start({.staying = 0, .leaving = 2, .starting = 0}, fresh(0, 2)));
  EXPECT_TRUE(may_start({.staying = 0, .leaving = 1, .starting = 0}, fresh(0, 2)));
}

TEST(WorkerCounts, AreKeptAtTheLeast) {
  EXPECT_FALSE(is_below_minimum({}, between(0, 2)));
  EXPECT_TRUE(is_below_minimum({.staying = 1, .leaving = 0, .starting = 0}, between(2, 4)));
  EXPECT_FALSE(is_below_minimum({.staying = 1, .leaving = 0, .starting = 1}, between(2, 4)));
  EXPECT_TRUE(is_below_minimum({.staying = 0, .leaving = 1, .starting = 0}, fresh(1, 2)));
  EXPECT_FALSE(is_below_minimum({.staying = 0, .leaving = 2, .starting = 0}, fresh(1, 2)));
}

TEST(WorkerCounts, HaveAsManyToSpareAsThereAreOverTheLeast) {
  EXPECT_EQ(spare_workers({.staying = 3, .leaving = 1, .starting = 1}, between(1, 4)), 2);
  EXPECT_EQ(spare_workers({.staying = 1, .leaving = 0, .starting = 0}, between(2, 4)), 0);
}

TEST(RestartPause, GrowsWithEachFailureUpToAMinute) {
  EXPECT_EQ(restart_pause(0), 0ms);
  EXPECT_EQ(restart_pause(1), 100ms);
  EXPECT_EQ(restart_pause(3), 400ms);
  EXPECT_EQ(restart_pause(11), 1min);
  EXPECT_EQ(restart_pause(1'000'000), 1min);
}

TEST(RestartPause, StartsAnewAfterAWorkerThatLived) {
  EXPECT_EQ(count_failure(7, 3s), 8);
  EXPECT_EQ(count_failure(7, 1min), 1);
}

}  // namespace
}  // namespace leanto::node
