// Calls that make calls: who waits for another doesn't count as busy, so that recursion can't lock
// itself out.
#include <gmock/gmock.h>

#include "node/calls_fixture.h"

namespace leanto::node {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using wire::FrameType;

struct NestedCallsTest : CallsTest {};

TEST_F(NestedCallsTest, RunInTheSameWorkerAlthoughItTakesOneCallAtATime) {
  const TargetPtr target = make_target(1, 1);
  const auto worker = start(target);
  const Asked parent = submit(target);
  const Asked child = submit(target, child_of(parent));
  const Asked grandchild = submit(target, child_of(child));
  EXPECT_THAT(sent_to(*worker), ElementsAre(parent.number, child.number, grandchild.number));
  EXPECT_EQ(worker->worker->running(), 3);
  EXPECT_EQ(worker->worker->busy(), 1);
  answer(*worker, grandchild);
  answer(*worker, child);
  EXPECT_EQ(worker->worker->busy(), 1) << "the parent counts again";
  answer(*worker, parent);
  EXPECT_EQ(worker->worker->busy(), 0);
}

TEST_F(NestedCallsTest, LeaveStrangersWaiting) {
  const TargetPtr target = make_target(1, 1);
  const auto worker = start(target);
  const Asked parent = submit(target);
  const Asked stranger = submit(target);
  EXPECT_THAT(sent_to(*worker), ElementsAre(parent.number));
  answer(*worker, parent);
  EXPECT_THAT(sent_to(*worker), ElementsAre(stranger.number));
}

TEST_F(NestedCallsTest, ElsewhereMakeRoomForWhatWaitsHere) {
  const TargetPtr target = make_target(1, 1);
  const TargetPtr other = make_target(1, 1);
  const auto worker = start(target);
  const auto other_worker = start(other);
  const Asked parent = submit(target);
  const Asked waiting = submit(target);
  EXPECT_THAT(sent_to(*worker), ElementsAre(parent.number));
  const Asked child = submit(other, child_of(parent));
  EXPECT_THAT(sent_to(*worker), ElementsAre(waiting.number));
  answer(*other_worker, child);
  EXPECT_EQ(worker->worker->busy(), 2)
      << "for a moment two run, rather than one waiting for the other";
}

TEST_F(NestedCallsTest, SideBySideCountOnceForTheirParent) {
  const TargetPtr target = make_target(1, 1);
  const TargetPtr other = make_target(1, 256);
  const auto worker = start(target);
  const auto other_worker = start(other);
  const Asked parent = submit(target);
  const Asked first = submit(other, child_of(parent));
  const Asked second = submit(other, child_of(parent));
  EXPECT_EQ(worker->worker->busy(), 0);
  answer(*other_worker, first);
  EXPECT_EQ(worker->worker->busy(), 0) << "the second goes on";
  answer(*other_worker, second);
  EXPECT_EQ(worker->worker->busy(), 1);
}

TEST_F(NestedCallsTest, MayOutliveTheirParent) {
  const TargetPtr target = make_target(1, 1);
  const auto worker = start(target);
  const Asked parent = submit(target);
  const Asked child = submit(target, child_of(parent));
  answer(*worker, parent);
  EXPECT_EQ(worker->worker->busy(), 1);
  answer(*worker, child);
  EXPECT_EQ(worker->worker->busy(), 0);
}

TEST_F(NestedCallsTest, ThatAreRefusedDoNotLeaveTheirParentWaiting) {
  const TargetPtr target = make_target(1, 1);
  const TargetPtr gone = make_object();
  gone->gone = Error{ErrorKind::kNotFound, "gone"};
  const auto worker = start(target);
  const Asked parent = submit(target);
  const Asked child = submit(gone, child_of(parent));
  EXPECT_EQ(error_of(child)["message"], "gone");
  EXPECT_EQ(worker->worker->busy(), 1);
}

TEST_F(NestedCallsTest, OfAParentThatIsNotKnownAreCallsLikeOthers) {
  const TargetPtr target = make_target(1, 1);
  const auto worker = start(target);
  wire::CallHead head;
  head.parent = 4711;
  const Asked call = submit(target, head);
  answer(*worker, call);
  EXPECT_EQ(worker->worker->busy(), 0);
}

TEST_F(NestedCallsTest, DeeperThanTheLimitAreRefused) {
  const TargetPtr target = make_target(1, 1);
  const auto worker = start(target);
  Asked call = submit(target);
  for (int depth = 1; depth <= kMaxDepth; ++depth) {
    call = submit(target, child_of(call));
    ASSERT_EQ(answers_of(call), 0u) << depth;
  }
  const Asked last = submit(target, child_of(call));
  EXPECT_EQ(error_of(last)["kind"], "capacity");
  EXPECT_THAT(error_of(last)["message"].get<std::string>(),
              HasSubstr("500 deep at train; is this a recursion"));
  EXPECT_EQ(worker->worker->busy(), 1) << "its parent doesn't wait for it any more";
}

TEST_F(NestedCallsTest, OfAWorkerThatLeavesGetAnotherWorker) {
  const TargetPtr target = make_target(1, 1);
  const auto old = start(target);
  const Asked parent = submit(target);
  calls.retire(target);
  const Asked child = submit(target, child_of(parent));
  EXPECT_THAT(sent_to(*old), ElementsAre(parent.number));
  ASSERT_THAT(wanted, SizeIs(1)) << "or parent and child would wait for each other";
  const auto fresh = start(target);
  EXPECT_THAT(sent_to(*fresh), ElementsAre(child.number));
  answer(*fresh, child);
  answer(*old, parent);
  EXPECT_TRUE(calls.idle());
}

}  // namespace
}  // namespace leanto::node
