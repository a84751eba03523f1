// Calls, and how many workers a function has: kept ready, one for each call, and room for others.
#include <gmock/gmock.h>

#include "node/calls_fixture.h"

namespace leanto::node {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr int kKilled = 9;

TargetPtr make_scaled(int least, int most, bool fresh = false) {
  auto service = std::make_shared<ServiceSpec>();
  service->name = "train";
  service->settings.min_workers = least;
  service->settings.workers = most;
  service->settings.fresh = fresh;
  auto target = std::make_shared<Target>();
  target->service = service;
  return target;
}

struct MinimumTest : CallsTest {};
struct FreshWorkersTest : CallsTest {};
struct RoomTest : CallsTest {};

TEST_F(MinimumTest, IsAskedForUntilThereAreEnoughWorkers) {
  const TargetPtr target = make_scaled(2, 4);
  EXPECT_TRUE(target->must_keep_more());
  const auto first = start(target);
  EXPECT_THAT(kept, SizeIs(1));
  const auto second = start(target);
  EXPECT_THAT(kept, SizeIs(1));
  EXPECT_FALSE(target->must_keep_more());
}

TEST_F(MinimumTest, IsAskedForWhenAWorkerHasDied) {
  const TargetPtr target = make_scaled(1, 4);
  const auto worker = start(target);
  ASSERT_THAT(kept, IsEmpty());
  worker->exit({.code = {}, .signal = kKilled});
  EXPECT_THAT(kept, SizeIs(1));
  EXPECT_EQ(target->failures, 1);
}

TEST_F(MinimumTest, DoesNotTakeAWorkerThatLeavesForAFailure) {
  const TargetPtr target = make_scaled(1, 4);
  const auto worker = start(target);
  worker->worker->retire();
  worker->exit({.code = 0, .signal = {}});
  EXPECT_EQ(target->failures, 0);
}

TEST_F(MinimumTest, CountsWorkersThatCannotStart) {
  const TargetPtr target = make_scaled(1, 4);
  target->starting = 1;
  calls.start_failed(target, {ErrorKind::kSnapshot, "no such module"});
  EXPECT_EQ(target->failures, 1);
}

TEST_F(MinimumTest, IsNoneForAVersionThatANewerOneHasReplaced) {
  const TargetPtr target = make_scaled(1, 4);
  const auto worker = start(target);
  calls.retire(target);
  worker->exit({.code = 0, .signal = {}});
  EXPECT_THAT(kept, IsEmpty());
}

TEST_F(MinimumTest, IsFilledUpWhenAnObjectTakesAWorkerOver) {
  const TargetPtr target = make_scaled(1, 4);
  const auto worker = start(target);
  EXPECT_EQ(calls.take_idle_worker(target), worker->worker);
  EXPECT_THAT(kept, SizeIs(1));
}

TEST_F(FreshWorkersTest, ServeOneCallEach) {
  const TargetPtr target = make_scaled(0, 2, true);
  const auto first = start(target);
  const Asked one = submit(target);
  const Asked two = submit(target);
  EXPECT_THAT(sent_to(*first), testing::ElementsAre(one.number));
  EXPECT_THAT(wanted, SizeIs(1)) << "the other call has a worker of its own";
  answer(*first, one);
  EXPECT_TRUE(first->process->is_closed()) << "it ends after its call";
  first->exit({.code = 0, .signal = {}});
  const auto second = start(target);
  EXPECT_THAT(sent_to(*second), testing::ElementsAre(two.number));
  answer(*second, two);
  EXPECT_TRUE(second->process->is_closed());
}

TEST_F(FreshWorkersTest, AreNoMoreThanTheMost) {
  const TargetPtr target = make_scaled(0, 1, true);
  const auto first = start(target);
  const Asked one = submit(target);
  submit(target);
  EXPECT_THAT(wanted, IsEmpty());
  answer(*first, one);
  first->exit({.code = 0, .signal = {}});
  EXPECT_THAT(wanted, SizeIs(1));
}

TEST_F(FreshWorkersTest, AreReplacedAheadWhereSomeAreKeptReady) {
  const TargetPtr target = make_scaled(1, 2, true);
  const auto first = start(target);
  ASSERT_THAT(kept, IsEmpty());
  submit(target);
  EXPECT_THAT(kept, SizeIs(1));
}

TEST_F(RoomTest, IsMadeWhenAWorkerBecomesIdleWhileSomebodyWaitsForIt) {
  const TargetPtr target = make_scaled(0, 1);
  const auto worker = start(target);
  const Asked unnoticed = submit(target);
  answer(*worker, unnoticed);
  EXPECT_EQ(room_made, 0);
  calls.want_room(true);
  const Asked one = submit(target);
  const Asked two = submit(target);
  answer(*worker, one);
  EXPECT_EQ(room_made, 0);
  answer(*worker, two);
  EXPECT_EQ(room_made, 1);
}

}  // namespace
}  // namespace leanto::node
