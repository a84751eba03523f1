#include "os/shared_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace leanto {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct SharedWatchTest : ::testing::Test {
  SharedWatchTest() {
    auto made = std::make_unique<FakeFileWatch>();
    kernel = made.get();
    shared = std::make_unique<SharedWatch>(std::move(made));
    one = shared->open();
    other = shared->open();
  }

  FakeFileWatch* kernel = nullptr;
  std::unique_ptr<SharedWatch> shared;
  std::unique_ptr<FileWatch> one;
  std::unique_ptr<FileWatch> other;
};

TEST_F(SharedWatchTest, EachOwnerSeesItsOwnDirectoriesOnly) {
  const Result<WatchId> a = one->add("/a");
  const Result<WatchId> b = other->add("/b");
  kernel->touch("/a", "x");
  kernel->touch("/b", "y");
  EXPECT_THAT(one->drain().events, ElementsAre(WatchEvent{*a, "x"}));
  EXPECT_THAT(one->drain().events, IsEmpty());
  EXPECT_THAT(other->drain().events, ElementsAre(WatchEvent{*b, "y"}));
}

TEST_F(SharedWatchTest, ADirectoryOfTwoOwnersIsSeenByBothUntilBothHaveLeftIt) {
  const Result<WatchId> a = one->add("/a");
  ASSERT_EQ(*other->add("/a"), *a);
  kernel->touch("/a", "x");
  EXPECT_EQ(one->drain().events.size(), 1u);
  EXPECT_EQ(other->drain().events.size(), 1u);
  one->remove(*a);
  EXPECT_EQ(kernel->watching(), 1u);
  kernel->touch("/a", "y");
  EXPECT_THAT(one->drain().events, IsEmpty());
  EXPECT_EQ(other->drain().events.size(), 1u);
  other.reset();
  EXPECT_EQ(kernel->watching(), 0u);
}

TEST_F(SharedWatchTest, WhenEventsWereLostAllOwnersAreTold) {
  kernel->overflow();
  EXPECT_TRUE(one->drain().overflow);
  EXPECT_TRUE(other->drain().overflow);
  EXPECT_FALSE(one->drain().overflow);
}

TEST_F(SharedWatchTest, WhatTheKernelRefusesIsRefused) {
  kernel->fail_next_adds({ErrorKind::kCapacity, "no more"});
  EXPECT_EQ(one->add("/a").error().kind, ErrorKind::kCapacity);
}

TEST(AbsentWatch, RefusesEveryDirectory) {
  const auto watch = make_absent_watch();
  EXPECT_EQ(watch->add("/").error().kind, ErrorKind::kCapacity);
  EXPECT_THAT(watch->drain().events, IsEmpty());
}

}  // namespace
}  // namespace leanto
