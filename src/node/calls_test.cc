#include "node/calls.h"

#include <gmock/gmock.h>

#include "node/calls_fixture.h"

namespace leanto::node {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;
using wire::FrameType;
using wire::Json;

TEST_F(CallsTest, AreGivenToTheWorkerAndAnsweredToTheirCaller) {
  const TargetPtr target = make_target(1, 256);
  const auto worker = start(target);
  const Asked call = submit(target, {}, "the arguments");
  EXPECT_EQ(port->numbers[call.stream], call.number);
  EXPECT_THAT(worker->process->hear(),
              ElementsAre(Heard{FrameType::kCall, call.number, "head101", "the arguments"}));
  EXPECT_EQ(calls.running(), 1u);
  answer(*worker, call, "the value");
  EXPECT_THAT(port->heard, ElementsAre(Heard{FrameType::kResult, call.stream, "", "the value"}));
  EXPECT_THAT(port->ended_streams, ElementsAre(call.stream));
  EXPECT_TRUE(calls.idle());
}

TEST_F(CallsTest, ThatRunTogetherAreAnsweredInWhateverOrderTheyEnd) {
  const TargetPtr target = make_target(1, 256);
  const auto worker = start(target);
  const Asked first = submit(target);
  const Asked second = submit(target);
  answer(*worker, second, "2");
  answer(*worker, first, "1");
  EXPECT_THAT(port->heard, ElementsAre(Heard{FrameType::kResult, second.stream, "", "2"},
                                       Heard{FrameType::kResult, first.stream, "", "1"}));
}

TEST_F(CallsTest, AskForOneWorkerHoweverManyWaitForIt) {
  const TargetPtr target = make_target(1, 256);
  std::vector<std::uint32_t> numbers;
  for (int i = 0; i < 5; ++i) numbers.push_back(submit(target, {}, std::string(3, 'x')).number);
  EXPECT_THAT(wanted, ElementsAre(target));
  const auto worker = start(target);
  EXPECT_EQ(sent_to(*worker), numbers);
}

TEST_F(CallsTest, HaveAFunctionStartFurtherWorkersUpToItsLimit) {
  const TargetPtr target = make_target(3, 256);
  const auto first = start(target);
  submit(target);
  EXPECT_THAT(wanted, IsEmpty());
  submit(target);
  EXPECT_THAT(wanted, SizeIs(1)) << "a call found the worker busy";
  const auto second = start(target);
  submit(target);
  submit(target);
  submit(target);
  EXPECT_THAT(wanted, SizeIs(2));
  submit(target);
  EXPECT_THAT(wanted, SizeIs(2)) << "the third is being started already";
}

TEST_F(CallsTest, GoToTheLeastBusyWorker) {
  const TargetPtr target = make_target(2, 256);
  const auto first = start(target);
  const auto second = start(target);
  const Asked one = submit(target);
  const Asked two = submit(target);
  EXPECT_THAT(sent_to(*first), ElementsAre(one.number));
  EXPECT_THAT(sent_to(*second), ElementsAre(two.number));
  answer(*second, two);
  const Asked three = submit(target);
  EXPECT_THAT(sent_to(*second), ElementsAre(three.number));
}

TEST_F(CallsTest, WaitInOrderWhenEveryWorkerIsFull) {
  const TargetPtr target = make_target(1, 2);
  const auto worker = start(target);
  std::vector<Asked> all;
  for (int i = 0; i < 5; ++i) all.push_back(submit(target));
  EXPECT_THAT(sent_to(*worker), ElementsAre(all[0].number, all[1].number));
  answer(*worker, all[1]);
  EXPECT_THAT(sent_to(*worker), ElementsAre(all[2].number));
  answer(*worker, all[0]);
  EXPECT_THAT(sent_to(*worker), ElementsAre(all[3].number));
  answer(*worker, all[2]);
  EXPECT_THAT(sent_to(*worker), ElementsAre(all[4].number));
}

TEST_F(CallsTest, KeepTheirArgumentsWhileTheyWait) {
  const TargetPtr target = make_target(1, 1);
  std::string arguments = "as they were";
  const Asked call = submit(target, {}, arguments);
  arguments = "overwritten!";
  const auto worker = start(target);
  EXPECT_THAT(worker->process->hear(),
              ElementsAre(Heard{FrameType::kCall, call.number, "head101", "as they were"}));
}

TEST_F(CallsTest, FailTogetherWhenNoWorkerCanBeStarted) {
  const TargetPtr target = make_target(1, 256);
  const Asked first = submit(target);
  const Asked second = submit(target);
  calls.start_failed(target, {ErrorKind::kImage, "no module named torch"});
  EXPECT_EQ(error_of(first), (Json{{"kind", "image"}, {"message", "no module named torch"}}));
  EXPECT_EQ(error_of(second), error_of(first));
  EXPECT_TRUE(calls.idle());
  submit(target);
  EXPECT_THAT(wanted, SizeIs(2)) << "the next call tries again";
}

TEST_F(CallsTest, WaitForTheOtherWorkersWhenOneCannotBeStarted) {
  const TargetPtr target = make_target(2, 1);
  const auto worker = start(target);
  const Asked running = submit(target);
  const Asked waiting = submit(target);
  calls.start_failed(target, {ErrorKind::kCapacity, "no memory"});
  EXPECT_EQ(answers_of(waiting), 0u);
  answer(*worker, running);
  answer(*worker, waiting);
  EXPECT_EQ(answers_of(waiting), 1u);
}

TEST_F(CallsTest, EndWithTheirTimeoutWhileTheyWait) {
  const TargetPtr target = make_target(1, 1);
  const Asked call = submit(target, with_timeout(0.001));
  ASSERT_TRUE(test.run_until([&] { return answers_of(call) == 1; }));
  EXPECT_EQ(error_of(call)["kind"], "timeout");
  EXPECT_EQ(error_of(call)["message"], "the call of train took longer than its timeout of 0.001 s");
  const auto worker = start(target);
  EXPECT_THAT(sent_to(*worker), IsEmpty());
}

TEST_F(CallsTest, EndWithTheirTimeoutWhileTheyRunAndTheWorkerIsTold) {
  const TargetPtr target = make_target(1, 256);
  const auto worker = start(target);
  const Asked call = submit(target, with_timeout(0.001));
  ASSERT_TRUE(test.run_until([&] { return answers_of(call) == 1; }));
  test.settle();
  EXPECT_EQ(error_of(call)["kind"], "timeout");
  EXPECT_THAT(worker->process->hear(),
              ElementsAre(Heard{FrameType::kCall, call.number, "head101", "arguments"},
                          Heard{FrameType::kCancel, call.number, "", ""}));
  EXPECT_FALSE(calls.idle()) << "it runs until the worker says otherwise";

  worker->print(call.number, "late");
  worker->process->say(FrameType::kYield, call.number, {}, "late");
  worker->process->say(FrameType::kResult, call.number, {}, "late");
  ASSERT_TRUE(test.run_until([&] { return calls.idle(); }));
  EXPECT_EQ(port->heard.size(), 1u) << "its stream may be somebody else's by now";
  EXPECT_THAT(port->ended_streams, ElementsAre(call.stream));
}

TEST_F(CallsTest, ThatEndInTimeHearNothingOfTheirTimeout) {
  const TargetPtr target = make_target(1, 256);
  const auto worker = start(target);
  const Asked call = submit(target, with_timeout(0.02));
  answer(*worker, call);
  const Asked other = submit(target, with_timeout(0.03));
  ASSERT_TRUE(test.run_until([&] { return answers_of(other) == 1; }));
  EXPECT_EQ(answers_of(call), 1u);
}

TEST_F(CallsTest, ThatWaitAreCancelledAtOnce) {
  const TargetPtr target = make_target(1, 1);
  const auto worker = start(target);
  const Asked running = submit(target);
  const Asked waiting = submit(target);
  const Asked last = submit(target);
  calls.cancel(waiting.number);
  EXPECT_EQ(error_of(waiting),
            (Json{{"kind", "cancelled"}, {"message", "the call was cancelled before it started"}}));
  answer(*worker, running);
  EXPECT_THAT(sent_to(*worker), ElementsAre(running.number, last.number));
}

TEST_F(CallsTest, ThatRunAreCancelledByTheirWorker) {
  const TargetPtr target = make_target(1, 1);
  const auto worker = start(target);
  const Asked call = submit(target);
  worker->process->hear();
  calls.cancel(call.number);
  test.settle();
  EXPECT_THAT(worker->process->hear(), ElementsAre(Heard{FrameType::kCancel, call.number, "", ""}));
  EXPECT_EQ(answers_of(call), 0u);
  calls.cancel(4711);  // nobody's
}

TEST_F(CallsTest, StreamTheirItemsAndTakeCredit) {
  const TargetPtr target = make_target(1, 256);
  const auto worker = start(target);
  const Asked call = submit(target);
  worker->process->hear();
  worker->process->say(FrameType::kYield, call.number, {}, "one");
  worker->process->say(FrameType::kYield, call.number, {}, "two");
  ASSERT_TRUE(test.run_until([&] { return port->heard.size() == 2; }));
  EXPECT_THAT(port->heard, ElementsAre(Heard{FrameType::kYield, call.stream, "", "one"},
                                       Heard{FrameType::kYield, call.stream, "", "two"}));
  EXPECT_THAT(port->ended_streams, IsEmpty());
  calls.credit(call.number, "credit");
  test.settle();
  EXPECT_THAT(worker->process->hear(),
              ElementsAre(Heard{FrameType::kCredit, call.number, "credit", ""}));
  answer(*worker, call);
}

TEST_F(CallsTest, WhoseReaderIsGoneAreToldToStopTheirItems) {
  const TargetPtr target = make_target(1, 256);
  const auto worker = start(target);
  const Asked call = submit(target);
  worker->process->hear();
  port.reset();
  worker->process->say(FrameType::kYield, call.number, {}, "one");
  std::vector<Heard> heard;
  ASSERT_TRUE(test.run_until([&] { return !(heard = worker->process->hear()).empty(); }));
  EXPECT_THAT(heard, ElementsAre(Heard{FrameType::kCancel, call.number, "", ""}));
  worker->process->say(FrameType::kResult, call.number);
  ASSERT_TRUE(test.run_until([&] { return calls.idle(); }));
}

TEST_F(CallsTest, OfTheNodesOwnMakingAreAnsweredToTheNode) {
  const TargetPtr target = make_target(1, 256);
  const auto worker = start(target);
  auto call = std::make_unique<Call>();
  std::vector<Heard> answers;
  call->on_answer = [&](FrameType type, std::string_view head, wire::Body body) {
    answers.push_back({type, 0, std::string(head), std::string(body.view())});
  };
  const std::uint32_t number = calls.submit(target, std::move(call), with_timeout(0.001));
  ASSERT_TRUE(test.run_until([&] { return !answers.empty(); }));
  EXPECT_EQ(answers[0].json()["kind"], "timeout");
  worker->process->say(FrameType::kResult, number, {}, "late");
  ASSERT_TRUE(test.run_until([&] { return calls.idle(); }));
  EXPECT_THAT(answers, SizeIs(1)) << "once, and not again when it ends at last";
}

TEST_F(CallsTest, HaveTheirOutputSentToTheirCallerUnlessItIsNotWanted) {
  const TargetPtr target = make_target(1, 256);
  const auto worker = start(target);
  const Asked loud = submit(target);
  wire::CallHead no_logs;
  no_logs.stream_logs = false;
  const Asked silent = submit(target, no_logs);
  worker->print(loud.number, "loud\n");
  worker->print(silent.number, "silent\n");
  write_all(worker->err, FakeWorker::record(loud.number, 2, "warning\n"));
  answer(*worker, silent);
  answer(*worker, loud);
  std::vector<Heard> logs;
  for (const Heard& heard : port->heard) {
    if (heard.type == FrameType::kLog) logs.push_back(heard);
  }
  EXPECT_THAT(logs,
              UnorderedElementsAre(
                  Heard{FrameType::kLog, loud.stream, wire::encode_head({{"s", 1}}), "loud\n"},
                  Heard{FrameType::kLog, loud.stream, wire::encode_head({{"s", 2}}), "warning\n"}));
  EXPECT_EQ(output[loud.number], "loud\nwarning\n");
  EXPECT_EQ(output[silent.number], "silent\n");
}

TEST_F(CallsTest, LeaveAnIdleWorkerToWhoTakesIt) {
  const TargetPtr target = make_target(2, 256);
  EXPECT_EQ(calls.take_idle_worker(target), nullptr);
  const auto busy = start(target);
  submit(target);
  EXPECT_EQ(calls.take_idle_worker(target), nullptr);
  const auto idle = start(target);
  EXPECT_EQ(calls.take_idle_worker(target), idle->worker);
  EXPECT_THAT(target->workers, ElementsAre(busy->worker));
  idle->exit({.code = 0, .signal = {}});  // the target hears nothing of it
  EXPECT_THAT(target->workers, ElementsAre(busy->worker));
}

TEST_F(CallsTest, ReportWhatTheirServiceImported) {
  const TargetPtr target = make_target(1, 256);
  const auto worker = start(target);
  worker->process->say_head(FrameType::kImports, 0, Json{{"modules", {"numpy", "torch"}}});
  ASSERT_TRUE(test.run_until([&] { return !imports.empty(); }));
  EXPECT_THAT(imports, ElementsAre(Json{"numpy", "torch"}));
}

}  // namespace
}  // namespace leanto::node
