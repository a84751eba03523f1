// Calls, and workers that die, leave, or hold a live object.
#include <gmock/gmock.h>

#include "node/calls_fixture.h"

namespace leanto::node {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using wire::FrameType;
using wire::Json;

constexpr int kKilled = 9;

struct DyingWorkersTest : CallsTest {};
struct LeavingWorkersTest : CallsTest {};
struct ObjectCallsTest : CallsTest {};

TEST_F(DyingWorkersTest, EndAllTheirCallsAndSayWhy) {
  const TargetPtr target = make_target(1, 256);
  const auto worker = start(target);
  const Asked first = submit(target);
  const Asked second = submit(target);
  worker->print(first.number, "loading\nhalf a li");
  test.settle();
  EXPECT_EQ(answers_of(first), 0u);
  worker->exit({.code = {}, .signal = kKilled});
  EXPECT_EQ(error_of(first),
            (Json{{"kind", "worker_died"},
                  {"signal", 9},
                  {"last_lines", {"loading", "half a li"}},
                  {"message",
                   "the worker of train died in the middle of the call: killed by SIGKILL\n"
                   "The last it wrote:\n  loading\n  half a li"}}));
  EXPECT_EQ(error_of(second)["message"],
            "the worker of train died in the middle of the call: killed by SIGKILL");
  EXPECT_THAT(port->ended_streams, SizeIs(2));
  EXPECT_THAT(target->workers, IsEmpty());
  EXPECT_TRUE(calls.idle());
}

TEST_F(DyingWorkersTest, HandOnWhatTheySaidBefore) {
  const TargetPtr target = make_target(1, 256);
  const auto worker = start(target);
  const Asked answered = submit(target);
  const Asked lost = submit(target);
  worker->print(lost.number, "last words");
  worker->process->say(FrameType::kResult, answered.number, {}, "just in time");
  worker->exit({.code = 3, .signal = {}});
  EXPECT_THAT(port->heard,
              ElementsAre(testing::Field(&Heard::body, "last words"),
                          Heard{FrameType::kResult, answered.stream, "", "just in time"},
                          testing::Field(&Heard::type, FrameType::kError)));
  EXPECT_EQ(error_of(lost)["exit_code"], 3);
  EXPECT_EQ(error_of(lost)["last_lines"], Json{"last words"});
}

TEST_F(DyingWorkersTest, TakeNoneOfTheCallsThatWaitWithThem) {
  const TargetPtr target = make_target(1, 1);
  const auto worker = start(target);
  const Asked running = submit(target);
  const Asked waiting = submit(target);
  const Asked another = submit(target);
  worker->exit({.code = {}, .signal = kKilled});
  EXPECT_EQ(answers_of(running), 1u);
  EXPECT_EQ(answers_of(waiting) + answers_of(another), 0u);
  ASSERT_THAT(wanted, SizeIs(1));
  const auto fresh = start(target);
  answer(*fresh, waiting);
  answer(*fresh, another);
  EXPECT_TRUE(calls.idle());
}

TEST_F(DyingWorkersTest, GetNoCallsOnceTheyHaveHungUp) {
  const TargetPtr target = make_target(1, 256);
  const auto worker = start(target);
  worker->process->close();
  ASSERT_TRUE(test.run_until([&] { return worker->worker->state() == WorkerState::kLeaving; }));
  const Asked call = submit(target);
  ASSERT_THAT(wanted, SizeIs(1));
  worker->exit({.code = 0, .signal = {}});
  EXPECT_EQ(answers_of(call), 0u);
  const auto fresh = start(target);
  EXPECT_THAT(sent_to(*fresh), ElementsAre(call.number));
}

TEST_F(DyingWorkersTest, AreReplacedForTheNextCall) {
  const TargetPtr target = make_target(1, 256);
  start(target)->exit({.code = 1, .signal = {}});
  EXPECT_THAT(wanted, IsEmpty());
  submit(target);
  EXPECT_THAT(wanted, SizeIs(1));
}

TEST_F(DyingWorkersTest, WithACallThatTimedOutSayNothingMoreToItsCaller) {
  const TargetPtr target = make_target(1, 256);
  const auto worker = start(target);
  const Asked call = submit(target, with_timeout(0.001));
  ASSERT_TRUE(test.run_until([&] { return answers_of(call) == 1; }));
  worker->exit({.code = {}, .signal = kKilled});
  EXPECT_EQ(answers_of(call), 1u);
  EXPECT_TRUE(calls.idle());
}

TEST(WorkerDiedHead, SaysHowItEnded) {
  EXPECT_EQ(
      worker_died_head("f", {.status = ExitStatus{.code = 3, .signal = {}}, .overrun = {}}, ""),
      (Json{{"kind", "worker_died"},
            {"exit_code", 3},
            {"last_lines", Json::array()},
            {"message", "the worker of f died in the middle of the call: exit code 3"}}));
  EXPECT_EQ(worker_died_head("f", {}, "")["message"],
            "the worker of f died in the middle of the call: it ended");
}

TEST(WorkerDiedHead, SaysThatItRanOutOfMemory) {
  const WorkerEnd end{ExitStatus{.code = {}, .signal = kKilled},
                      MemoryOverrun{256'000'000, 255'999'744}};
  EXPECT_EQ(worker_died_head("f", end, "loading"),
            (Json{{"kind", "out_of_memory"},
                  {"limit", 256'000'000},
                  {"peak", 255'999'744},
                  {"last_lines", {"loading"}},
                  {"message",
                   "the worker of f died in the middle of the call: it went over its memory limit "
                   "of 256 MB; the most it used was 244.1 MiB; give it more with "
                   ".options(memory=...), or less to do at once\nThe last it wrote:\n  loading"}}));
}

TEST(WorkerDiedHead, HasTheLastTenLines) {
  std::string tail;
  for (int i = 0; i < 30; ++i) tail += "line " + std::to_string(i) + "\n";
  const Json lines = worker_died_head("f", {}, tail)["last_lines"];
  ASSERT_EQ(lines.size(), 10u);
  EXPECT_EQ(lines.front(), "line 20");
  EXPECT_EQ(lines.back(), "line 29");
}

TEST(WorkerDiedHead, IsTextWhateverTheWorkerWrote) {
  const Json head = worker_died_head("f", {}, "\xBCne\n\xFF\xFE\n");
  EXPECT_EQ(head["last_lines"], (Json{"\xEF\xBF\xBDne", "\xEF\xBF\xBD\xEF\xBF\xBD"}));
  EXPECT_NO_THROW((void)head.dump());
}

TEST_F(CallsTest, ChooseTheLeastBusyWorkerThatHasRoom) {
  const TargetPtr target = make_target(3, 256);
  EXPECT_EQ(choose_worker({}, 1), nullptr);
  const auto one = make_worker(target);
  const auto two = make_worker(target);
  const std::vector both{one->worker, two->worker};
  EXPECT_EQ(choose_worker(both, 1), one->worker);
  one->worker->send_call(1, "", {});
  EXPECT_EQ(choose_worker(both, 1), two->worker);
  two->worker->send_call(2, "", {});
  EXPECT_EQ(choose_worker(both, 1), nullptr);
  EXPECT_EQ(choose_worker(both, 2), one->worker);
  two->worker->add_waiting(1);  // its call waits for another
  EXPECT_EQ(choose_worker(both, 1), two->worker);
  two->worker->retire();
  EXPECT_EQ(choose_worker(both, 1), nullptr);
}

TEST_F(LeavingWorkersTest, GoAtOnceWhenTheyAreIdle) {
  const TargetPtr target = make_target(1, 256);
  const auto worker = start(target);
  calls.retire(target);
  EXPECT_EQ(worker->worker->state(), WorkerState::kLeaving);
  EXPECT_TRUE(worker->process->is_closed());
}

TEST_F(LeavingWorkersTest, FinishWhatRuns) {
  const TargetPtr target = make_target(1, 256);
  const auto worker = start(target);
  const Asked call = submit(target);
  calls.retire(target);
  EXPECT_FALSE(worker->process->is_closed());
  answer(*worker, call);
  EXPECT_TRUE(worker->process->is_closed());
  worker->exit({.code = 0, .signal = {}});
  EXPECT_EQ(answers_of(call), 1u);
}

TEST_F(LeavingWorkersTest, FinishWhatWaitsAndThenGo) {
  const TargetPtr target = make_target(1, 1);
  const auto worker = start(target);
  const Asked running = submit(target);
  const Asked waiting = submit(target);
  calls.retire(target);
  answer(*worker, running);
  EXPECT_EQ(worker->worker->state(), WorkerState::kLeaving);
  EXPECT_FALSE(worker->process->is_closed());
  answer(*worker, waiting);
  EXPECT_TRUE(worker->process->is_closed());
}

TEST_F(LeavingWorkersTest, AreFollowedByAnotherThatLeavesTooWhenSomebodyStillCalls) {
  const TargetPtr target = make_target(1, 256);
  const auto old = start(target);
  calls.retire(target);
  old->exit({.code = 0, .signal = {}});
  const Asked call = submit(target);
  ASSERT_THAT(wanted, SizeIs(1));
  const auto fresh = start(target);
  answer(*fresh, call);
  EXPECT_TRUE(fresh->process->is_closed());
}

TEST_F(ObjectCallsTest, GoToItsProcessAndToNoOther) {
  const TargetPtr object = make_object();
  const auto worker = start(object);
  const Asked call = submit(object);
  EXPECT_THAT(sent_to(*worker), ElementsAre(call.number));
  for (int i = 0; i < 300; ++i) submit(object);
  EXPECT_THAT(wanted, IsEmpty());
}

TEST_F(ObjectCallsTest, EndWithTheirProcessAndTheObjectIsGone) {
  const TargetPtr object = make_object();
  object->service = make_service(1, 1);
  const auto worker = start(object);
  const Asked running = submit(object);
  const Asked waiting = submit(object);
  worker->exit({.code = {}, .signal = kKilled});
  EXPECT_EQ(error_of(running)["kind"], "worker_died");
  const std::string why = "its process: killed by SIGKILL; make it again";
  const std::string gone = "the object 'trainer' is gone: " + why;
  EXPECT_EQ(error_of(waiting), (Json{{"kind", "not_found"}, {"message", gone}}));
  EXPECT_EQ(error_of(submit(object)), error_of(waiting));
  EXPECT_THAT(ended_objects,
              ElementsAre(std::pair(std::string("8bad"), Error{ErrorKind::kNotFound, why})));
  EXPECT_THAT(wanted, IsEmpty());
}

TEST_F(ObjectCallsTest, ToADeletedObjectAreRefusedAndThoseThatRunEnd) {
  const TargetPtr object = make_object();
  const auto worker = start(object);
  const Asked running = submit(object);
  calls.end_object(object, {ErrorKind::kNotFound, "it was deleted"});
  EXPECT_EQ(error_of(submit(object))["message"], "it was deleted");
  EXPECT_FALSE(worker->process->is_closed());
  answer(*worker, running);
  EXPECT_TRUE(worker->process->is_closed());
  worker->exit({.code = 0, .signal = {}});
  EXPECT_THAT(ended_objects, ElementsAre(std::pair(std::string("8bad"),
                                                   Error{ErrorKind::kNotFound, "it was deleted"})));
}

}  // namespace
}  // namespace leanto::node
