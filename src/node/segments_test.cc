#include "node/segments.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "net/test_loop.h"
#include "node/fake_worker.h"
#include "os/temporary_directory.h"

namespace leanto::node {
namespace {

struct SegmentsTest : ::testing::Test {
  void set_state(const Segments::Grant& grant, SegmentState state) {
    const UniqueFd fd(::open(grant.path.c_str(), O_RDWR | O_CLOEXEC));
    ASSERT_EQ(::pwrite(fd.get(), &state, sizeof state, 4), 4);
  }

  net::TestLoop test;
  ManualClock clock;
  TemporaryDirectory directory;
  ValueBudget budget{{10 << 20, 0, directory.path()}};
  Segments segments{test.loop, clock, budget};
};

TEST_F(SegmentsTest, GivesSegmentsUpToTheBudgetAndAgainAfterOneIsClosed) {
  const auto first = segments.make(6 << 20, "s");
  ASSERT_TRUE(first);
  EXPECT_TRUE(segments.make(4 << 20, "s"));
  const auto refused = segments.make(1, "s");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kCapacity);
  segments.close(first->id, "s");
  EXPECT_EQ(budget.use().memory, 4u << 20);
  EXPECT_TRUE(segments.make(6 << 20, "other"));
  EXPECT_FALSE(segments.make(~std::uint64_t{0}, "s")) << "sums don't run over";
}

TEST_F(SegmentsTest, ASegmentIsClosedByItsSessionOnly) {
  const auto grant = segments.make(100, "s");
  segments.close(grant->id, "other");
  EXPECT_EQ(segments.count(), 1u);
  segments.close(grant->id, "s");
  EXPECT_EQ(segments.count(), 0u);
}

TEST_F(SegmentsTest, TheEndOfASessionClosesWhatIsItsOwn) {
  const auto own = segments.make(100, "s");
  const auto others = segments.make(100, "other");
  segments.end_session("s");
  EXPECT_NE(::access(own->path.c_str(), F_OK), 0);
  EXPECT_EQ(::access(others->path.c_str(), F_OK), 0);
  EXPECT_EQ(budget.use().memory, 100u);
}

TEST_F(SegmentsTest, AValueOnItsWayArrivesThoughItsSessionHasEnded) {
  const auto grant = segments.make(100, "s");
  set_state(*grant, SegmentState::kLent);
  segments.end_session("s");
  EXPECT_EQ(::access(grant->path.c_str(), F_OK), 0);
  set_state(*grant, SegmentState::kBorrowed);
  EXPECT_TRUE(test.run_until([&] { return segments.count() == 0; }));
  EXPECT_EQ(budget.use().memory, 0u);
}

TEST_F(SegmentsTest, AValueThatNobodyTakesIsGivenUp) {
  const auto grant = segments.make(100, "s");
  set_state(*grant, SegmentState::kLent);
  segments.end_session("s");
  clock.monotonic_ms += 60'000;
  EXPECT_TRUE(test.run_until([&] { return segments.count() == 0; }));
}

TEST_F(SegmentsTest, WhoTakesOneOverHasIt) {
  const auto grant = segments.make(100, "s");
  {
    const Result<Segments::Taken> taken = segments.take_over(grant->inode);
    ASSERT_TRUE(taken);
    segments.end_session("s");
    EXPECT_EQ(::access(grant->path.c_str(), F_OK), 0);
    EXPECT_EQ(budget.use().memory, 100u);
  }
  EXPECT_EQ(budget.use().memory, 0u);
}

TEST_F(SegmentsTest, WhatDoesNotFitIntoMemoryLiesOnDisk) {
  ValueBudget with_disk({100, 200, directory.path()});
  Segments some(test.loop, clock, with_disk);
  const auto in_memory = some.make(60, "s");
  const auto on_disk = some.make(60, "s");
  ASSERT_TRUE(in_memory && on_disk);
  EXPECT_FALSE(in_memory->on_disk);
  EXPECT_TRUE(on_disk->on_disk);
  const UniqueFd fd(::open(on_disk->path.c_str(), O_RDWR | O_CLOEXEC));
  EXPECT_GE(::lseek(fd.get(), 0, SEEK_END), static_cast<off_t>(Segment::kDataOffset + 60));
  some.close(in_memory->id, "s");
  EXPECT_FALSE(some.make(60, "s")->on_disk) << "memory first, as soon as there is some";
}

}  // namespace
}  // namespace leanto::node
