#include "node/runs.h"

#include "node/runs_fixture.h"
#include "os/full_disk.h"

namespace leanto::node {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using wire::FrameType;
using wire::Json;

TEST_F(RunsTest, AreOnDiskBeforeTheSubmissionIsAnswered) {
  const std::string id = submit_run({{"m", "fit"}, {"key", "k"}, {"timeout", 60}});
  const RunRecord run = on_disk(id);
  EXPECT_EQ(run.status, RunStatus::kQueued);
  EXPECT_EQ(run.key, "k");
  EXPECT_EQ(run.member, "fit");
  EXPECT_EQ(run.service, "train");
  EXPECT_EQ(run.timeout_ms, 60'000);
  EXPECT_EQ(run.digest.size(), 64u);
}

TEST_F(RunsTest, AreRunningOnDiskBeforeTheirWorkerHearsOfThem) {
  const std::string id = submit_run();
  const auto worker = start(target);
  std::vector<Heard> heard;
  ASSERT_TRUE(test.run_until([&] { return !(heard = worker->process->hear()).empty(); }));
  const RunRecord run = on_disk(id);
  EXPECT_EQ(run.status, RunStatus::kRunning);
  EXPECT_EQ(run.attempt, 1);
  EXPECT_EQ(heard[0].body, "arguments");
  EXPECT_EQ(heard[0].json(), (Json{{"v", "abc"}, {"run", true}}));
}

TEST_F(RunsTest, HaveTheirOutcomeOnDiskBeforeAnybodyHearsOfIt) {
  const std::string id = submit_run();
  const auto worker = start(target);
  say_value(*worker, hear_call(*worker), "the value");
  const Runs::Ended ended = wait_for(id);
  ASSERT_THAT(ended.runs, SizeIs(1));
  EXPECT_EQ(ended.runs[0].status, RunStatus::kSucceeded);
  EXPECT_EQ(on_disk(id).status, RunStatus::kSucceeded);
  EXPECT_EQ(test.get(runs->answer(id))->bytes, "the value");
}

TEST_F(RunsTest, ShareACommitWhenManyAreSubmittedTogether) {
  int done = 0;
  auto submit_one = [](RunsTest& self, int& count) -> net::Task<> {
    wire::Submission asked = submission();
    wire::Body arguments(std::string_view("arguments"));
    const auto submitted = co_await self.runs->submit(std::move(asked), "{}", std::move(arguments));
    EXPECT_TRUE(submitted);
    ++count;
  };
  for (int i = 0; i < 64; ++i) test.loop.spawn("submit", submit_one(*this, done));
  ASSERT_TRUE(test.run_until([&] { return done == 64; }));
  EXPECT_LE(journal->commits(), 3u);
  EXPECT_THAT(*store->list({}), SizeIs(64));
}

TEST_F(RunsTest, AreTheSameForTheSameKey) {
  const std::string id = submit_run({{"key", "k"}});
  const auto again = try_submit({{"key", "k"}});
  EXPECT_EQ(again->run.id, id);
  EXPECT_FALSE(again->is_new);
  EXPECT_EQ(try_submit({{"key", "k"}}, "others").error().kind, ErrorKind::kKeyConflict);
}

TEST_F(RunsTest, AreReplacedOnlyWhenTheFormerIsGone) {
  const auto worker = start(target);
  const std::string first = submit_run({{"key", "k"}});
  const std::uint32_t call = hear_call(*worker);
  std::optional<Result<Runs::Submitted>> second;
  auto replace = [](RunsTest& self, std::optional<Result<Runs::Submitted>>& out) -> net::Task<> {
    wire::Submission asked = submission({{"key", "k"}, {"on_conflict", "replace"}});
    wire::Body arguments(std::string_view("others"));
    out = co_await self.runs->submit(std::move(asked), "{}", std::move(arguments));
  };
  test.loop.spawn("replace", replace(*this, second));
  std::vector<Heard> heard;
  ASSERT_TRUE(test.run_until([&] { return !(heard = worker->process->hear()).empty(); }));
  EXPECT_EQ(heard[0].type, FrameType::kCancel);
  EXPECT_FALSE(second);
  EXPECT_EQ(on_disk(first).status, RunStatus::kRunning);
  say_error(*worker, call, {{"kind", "cancelled"}, {"message", "x"}});
  ASSERT_TRUE(test.run_until([&] { return second.has_value(); }));
  ASSERT_TRUE(*second) << second->error().message;
  EXPECT_EQ(on_disk(first).status, RunStatus::kCancelled);
  EXPECT_EQ(on_disk(first).key, std::nullopt);
  EXPECT_EQ(on_disk((*second)->run.id).key, "k");
}

TEST_F(RunsTest, AreCancelledAtOnceWhileTheyWait) {
  const std::string id = submit_run();
  EXPECT_TRUE(*test.get(runs->cancel(id, "not needed")));
  EXPECT_EQ(wait_for(id).runs.at(0).status, RunStatus::kCancelled);
  EXPECT_EQ(on_disk(id).reason, "not needed");
  EXPECT_EQ(on_disk(id).attempt, 0);
  const auto worker = start(target);
  EXPECT_THAT(sent_to(*worker), IsEmpty());
  EXPECT_FALSE(*test.get(runs->cancel(id, "again")));
  EXPECT_EQ(on_disk(id).reason, "not needed");
}

TEST_F(RunsTest, ThatAreCancelledWhileTheirStartIsWrittenGiveTheirRoomToTheNext) {
  const auto worker = start(target);
  const std::string id = submit_run({}, "first");
  EXPECT_TRUE(*test.get(runs->cancel(id, "")));
  const std::string next = submit_run({}, "next");
  Heard heard = hear_call_frame(*worker);
  if (heard.body == "first") {  // its start was on disk already
    say_error(*worker, heard.stream, {{"kind", "cancelled"}, {"message", "x"}});
    heard = hear_call_frame(*worker);
  }
  EXPECT_EQ(heard.body, "next");
  say_value(*worker, heard.stream);
  EXPECT_EQ(wait_for(id).runs.at(0).status, RunStatus::kCancelled);
  EXPECT_EQ(wait_for(next).runs.at(0).status, RunStatus::kSucceeded);
}

TEST_F(RunsTest, AreInterruptedAndSayWhenTheyCannotBeKilled) {
  target = make_target(1, 2);
  const auto worker = start(target);
  const std::string id = submit_run({{"grace", 0}});
  const std::uint32_t call = hear_call(*worker);
  const std::string other = submit_run();
  (void)hear_call(*worker);
  EXPECT_TRUE(*test.get(runs->cancel(id, "")));
  ASSERT_TRUE(test.run_until(
      [&] { return test.get(runs->get(id))->reason.find("1 other calls") != std::string::npos; }));
  EXPECT_THAT(worker->process->hear(), ElementsAre(Heard{FrameType::kCancel, call, "", ""}));
  EXPECT_EQ(worker->worker->state(), WorkerState::kLeaving) << "it gets no more calls";
  say_error(*worker, call, {{"kind", "cancelled"}, {"message", "x"}});
  EXPECT_EQ(wait_for(id).runs.at(0).status, RunStatus::kCancelled);
}

TEST_F(RunsTest, EndWithTheirTimeout) {
  const std::string id = submit_run({{"timeout", 0.001}});
  clock.monotonic_ms += 10;
  const Runs::Ended ended = wait_for(id);
  ASSERT_THAT(ended.runs, SizeIs(1));
  EXPECT_EQ(ended.runs[0].error->kind, "timeout");
  EXPECT_THAT(ended.runs[0].error->message, HasSubstr("0.001 s"));
}

TEST_F(RunsTest, KeepTheirTimeoutWhenTheClockIsSet) {
  const std::string id = submit_run({{"timeout", 60}});
  for (const std::int64_t day : {86'400'000, -2 * 86'400'000}) {
    clock.wall_ms += day;
    const std::string other = submit_run({{"timeout", 60}});
    test.settle();
    EXPECT_EQ(test.get(runs->get(id))->status, RunStatus::kQueued);
    EXPECT_EQ(test.get(runs->get(other))->status, RunStatus::kQueued);
    EXPECT_GT(other, id) << "ids stay in order";
  }
  begin_node();
  ASSERT_TRUE(runs->recover(*store));
  test.settle();
  EXPECT_EQ(test.get(runs->get(id))->status, RunStatus::kQueued)
      << "it was submitted in the future, which counts as now";
}

TEST_F(RunsTest, OnAFullDiskAreRefusedAndTakenWhenThereIsRoom) {
  std::optional<FullDisk> full(0);
  const auto refused = try_submit({{"key", "k"}});
  full.reset();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kCapacity);
  EXPECT_THAT(refused.error().message, HasSubstr("runs.sqlite"));
  EXPECT_THAT(refused.error().message, HasSubstr("make room"));
  EXPECT_TRUE(test.get(runs->list({}))->empty()) << "nothing of it is there";
  EXPECT_TRUE(try_submit({{"key", "k"}})->is_new);
}

TEST_F(RunsTest, WaitForRoomOnTheDiskBeforeTheyStartAndBeforeTheyEnd) {
  const std::string id = submit_run();
  std::optional<FullDisk> full(0);
  const auto worker = start(target);
  const auto waits_for_room = [&] {
    return test.get(runs->get(id))->reason.find("make room") != std::string::npos;
  };
  ASSERT_TRUE(test.run_until(waits_for_room));
  EXPECT_THAT(sent_to(*worker), IsEmpty()) << "it would run without a record of its start";
  full.reset();
  const std::uint32_t call = hear_call(*worker);
  EXPECT_EQ(test.get(runs->get(id))->reason, "");

  full.emplace(0);
  runs->on_output(call, OutputStream::kStdout, "said on a full disk\n");
  say_value(*worker, call, "precious");
  ASSERT_TRUE(test.run_until(waits_for_room));
  EXPECT_EQ(test.get(runs->get(id))->status, RunStatus::kRunning);
  full.reset();
  EXPECT_EQ(wait_for(id).runs.at(0).status, RunStatus::kSucceeded);
  EXPECT_EQ(test.get(runs->answer(id))->bytes, "precious");
  EXPECT_THAT(test.get(runs->logs(id, 0, 0s))->piece.records, HasSubstr("said on a full disk"));
}

TEST_F(RunsTest, FailWithWhatKeptTheirWorkerFromStarting) {
  const std::string id = submit_run();
  calls.start_failed(target, {ErrorKind::kImage, "no module named torch"});
  EXPECT_EQ(wait_for(id).runs.at(0).error, (RunError{"image", "", "no module named torch", ""}));
}

TEST_F(RunsTest, WhoseResultIsTooLargeFailAndSaySo) {
  const auto worker = start(target);
  const std::string id = submit_run();
  say_value(*worker, hear_call(*worker), std::string(1001, 'x'));
  EXPECT_EQ(wait_for(id).runs.at(0).error->kind, "capacity");
  EXPECT_EQ(try_submit({}, std::string(1001, 'x')).error().kind, ErrorKind::kCapacity);
}

TEST_F(RunsTest, KeepWhatTheirCallWrote) {
  const auto worker = start(target);
  const std::string id = submit_run();
  const std::uint32_t call = hear_call(*worker);
  worker->print(call, "hello\nno end");
  ASSERT_TRUE(test.run_until([&] { return output[call].size() == 12; }));
  runs->on_output(call, OutputStream::kStdout, output[call]);  // as the node does
  say_value(*worker, call);
  const Runs::Ended ended = wait_for(id);
  const auto log = test.get(runs->logs(id, 0, 0s));
  EXPECT_THAT(log->piece.records, HasSubstr("hello\\n"));
  EXPECT_THAT(log->piece.records, HasSubstr("no end"));
  EXPECT_EQ(static_cast<std::uint64_t>(ended.runs[0].log_size), log->piece.next());
  EXPECT_TRUE(test.get(runs->logs(id, log->piece.next(), 0s))->ended);
}

TEST_F(RunsTest, AreTakenUpByTheNextNode) {
  const auto worker = start(target);
  const std::string running = submit_run();
  (void)hear_call(*worker);
  const std::string queued = submit_run({}, "its arguments");
  begin_node();
  target = make_target(1, 1);
  ASSERT_TRUE(runs->recover(*store));
  EXPECT_EQ(on_disk(running).status, RunStatus::kLost);
  EXPECT_EQ(wait_for(running).runs.at(0).error->kind, "node_lost");
  EXPECT_EQ(on_disk(queued).status, RunStatus::kQueued);
  const auto next = start(target);
  std::vector<Heard> heard;
  ASSERT_TRUE(test.run_until([&] { return !(heard = next->process->hear()).empty(); }));
  EXPECT_EQ(heard[0].body, "its arguments");
  say_value(*next, heard[0].stream);
  EXPECT_EQ(wait_for(queued).runs.at(0).attempt, 1);
}

TEST_F(RunsTest, WhoseServiceIsGoneAfterARestartFail) {
  const std::string id = submit_run();
  begin_node();
  target = nullptr;
  ASSERT_TRUE(runs->recover(*store));
  EXPECT_EQ(wait_for(id).runs.at(0).error->message, "it is gone");
}

TEST_F(RunsTest, ThatRunAreLostWhenTheNodeStopsAndWaitersHearIt) {
  const auto worker = start(target);
  const std::string running = submit_run();
  const std::uint32_t call = hear_call(*worker);
  const std::string queued = submit_run();
  test.run(runs->stop());
  EXPECT_EQ(wait_for(running).runs.at(0).status, RunStatus::kLost);
  EXPECT_EQ(on_disk(queued).status, RunStatus::kQueued);
  say_value(*worker, call);
  test.settle();
  EXPECT_EQ(on_disk(running).status, RunStatus::kLost) << "an outcome doesn't change";
  EXPECT_FALSE(try_submit());
}

TEST_F(RunsTest, ThatNobodyKnowsAreNotWaitedFor) {
  EXPECT_THAT(wait_for("r0123").unknown, ElementsAre("r0123"));
  EXPECT_EQ(test.get(runs->get("r0123")).error().kind, ErrorKind::kNotFound);
}

}  // namespace
}  // namespace leanto::node
