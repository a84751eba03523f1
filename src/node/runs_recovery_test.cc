// Runs that a killed daemon left running in workers that live on.
#include "node/runs_fixture.h"

namespace leanto::node {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using wire::FrameType;
using wire::Json;

struct RunsRecoveryTest : RunsTest {
  // A run that a worker of the node before has, and whose call there has this number.
  std::string interrupted(const Json& more = Json::object()) {
    std::string id = submit_run(more);
    worker = start(target);
    number = hear_call(*worker);
    calls_before = std::exchange(target, make_target(1, 1));
    begin_node();
    EXPECT_TRUE(runs->recover(*store, Runs::Workers::kMayComeBack));
    return id;
  }
  std::string name() const { return worker_call_name(FakeWorker::kNonce, number); }
  // The worker, as it comes back: other descriptors, the same process.
  std::unique_ptr<FakeWorker> come_back() {
    auto back = make_worker(target);
    EXPECT_TRUE(runs->resume(name(), target, back->worker, other_number()));
    return back;
  }
  // Within this test both nodes have one Calls, where the old number is taken.
  std::uint32_t other_number() const { return number + 1000; }
  RunRecord known(const std::string& id) { return *test.get(runs->get(id)); }

  std::unique_ptr<FakeWorker> worker;
  std::uint32_t number = 0;
  TargetPtr calls_before;
};

TEST_F(RunsRecoveryTest, AreUnknownUntilTheirWorkerIsBack) {
  const std::string id = interrupted();
  EXPECT_EQ(known(id).status, RunStatus::kUnknown);
  EXPECT_THAT(known(id).reason, HasSubstr("waited for"));
  EXPECT_EQ(on_disk(id).status, RunStatus::kRunning) << "so that a third node finds it, too";
  ASSERT_NE(runs->find_unknown(name()), nullptr);
  EXPECT_EQ(runs->find_unknown(name())->id, id);
  EXPECT_EQ(runs->find_unknown("another"), nullptr);

  const auto back = come_back();
  EXPECT_EQ(known(id).status, RunStatus::kRunning);
  EXPECT_EQ(known(id).reason, "");
  EXPECT_EQ(runs->find_unknown(name()), nullptr);
  EXPECT_FALSE(runs->resume(name(), target, back->worker, 7)) << "only once";
  say_value(*back, other_number(), "the value");
  ASSERT_THAT(wait_for(id).runs, SizeIs(1));
  EXPECT_EQ(test.get(runs->answer(id))->bytes, "the value");
  EXPECT_EQ(on_disk(id).attempt, 1);
}

TEST_F(RunsRecoveryTest, AreLostWhenNobodyComesBackWithThem) {
  const std::string id = interrupted();
  runs->give_up_unknown();
  const Runs::Ended ended = wait_for(id);
  ASSERT_THAT(ended.runs, SizeIs(1));
  EXPECT_EQ(ended.runs[0].status, RunStatus::kLost);
  EXPECT_THAT(ended.runs[0].reason, HasSubstr("not known"));
  EXPECT_FALSE(runs->resume(name(), target, worker->worker, 7)) << "it's final";
}

TEST_F(RunsRecoveryTest, AreTriedAgainWhenTheyAreLostIfThatIsAsked) {
  const std::string id = interrupted(
      {{"retries", {{"attempts", 2}, {"kinds", {"node_lost"}}, {"delay", 0}, {"jitter", 0}}}});
  runs->give_up_unknown();
  ASSERT_TRUE(test.run_until([&] { return on_disk(id).status == RunStatus::kQueued; }));
  const auto next = start(target);
  say_value(*next, hear_call(*next));
  EXPECT_EQ(wait_for(id).runs.at(0).attempt, 2);
}

TEST_F(RunsRecoveryTest, ThatAreCancelledMeanwhileAreInterruptedWhenTheyAreBack) {
  const std::string id = interrupted();
  EXPECT_TRUE(*test.get(runs->cancel(id, "enough")));
  EXPECT_EQ(known(id).status, RunStatus::kUnknown) << "it may run";
  const auto back = come_back();
  test.settle();
  const std::vector<Heard> heard = back->process->hear();
  ASSERT_THAT(heard, SizeIs(1));
  EXPECT_EQ(heard[0].type, FrameType::kCancel);
  say_error(*back, other_number(), {{"kind", "cancelled"}, {"message", "it was cancelled"}});
  EXPECT_EQ(wait_for(id).runs.at(0).status, RunStatus::kCancelled);
}

TEST_F(RunsRecoveryTest, ThatWereCancelledBeforeAreInterruptedByTheNextNode) {
  const std::string id = submit_run();
  worker = start(target);
  number = hear_call(*worker);
  EXPECT_TRUE(*test.get(runs->cancel(id, "enough")));
  EXPECT_EQ(on_disk(id).stop, (RunStop{"cancel", "enough"})) << "before anybody is told";
  calls_before = std::exchange(target, make_target(1, 1));
  begin_node();
  EXPECT_TRUE(runs->recover(*store, Runs::Workers::kMayComeBack));
  const auto back = come_back();
  test.settle();
  const std::vector<Heard> heard = back->process->hear();
  ASSERT_THAT(heard, SizeIs(1));
  EXPECT_EQ(heard[0].type, FrameType::kCancel);
}

TEST_F(RunsRecoveryTest, ThatWereStoppedEndSoWhenTheirWorkerIsGone) {
  for (const auto workers : {Runs::Workers::kMayComeBack, Runs::Workers::kAreGone}) {
    const std::string id = submit_run();
    const auto here = start(target);
    (void)hear_call(*here);
    EXPECT_TRUE(*test.get(runs->cancel(id, "enough")));
    const TargetPtr before = std::exchange(target, make_target(1, 1));
    begin_node();
    EXPECT_TRUE(runs->recover(*store, workers));
    runs->give_up_unknown();
    const Runs::Ended ended = wait_for(id);
    ASSERT_THAT(ended.runs, SizeIs(1));
    EXPECT_EQ(ended.runs[0].status, RunStatus::kCancelled);
    EXPECT_EQ(ended.runs[0].reason, "enough");
    EXPECT_THAT(test.get(runs->answer(id))->head, HasSubstr("the run was cancelled: enough"));
  }
}

TEST_F(RunsRecoveryTest, ThatWereCancelledWhileTheyWaitedAreNotBegun) {
  const std::string id = submit_run();
  ASSERT_TRUE(store->find(id).value());
  std::vector<RunStore::Work> works{
      {[&](RunStore& known) { return known.stop(id, {"cancel", "enough"}); }, {}}};
  store->commit(works);
  ASSERT_TRUE(works[0].status);
  begin_node();
  EXPECT_TRUE(runs->recover(*store));
  EXPECT_EQ(wait_for(id).runs.at(0).status, RunStatus::kCancelled);
  EXPECT_EQ(on_disk(id).attempt, 0);
}

TEST_F(RunsRecoveryTest, TheirWorkerHearsWhenTheAnswerIsOnDisk) {
  const std::string id = submit_run();
  const auto here = start(target);
  const std::uint32_t call = hear_call(*here);
  say_value(*here, call);
  here->worker->retire();
  ASSERT_THAT(wait_for(id).runs, SizeIs(1));
  std::vector<Heard> heard;
  ASSERT_TRUE(test.run_until([&] { return here->process->is_closed(); }));
  EXPECT_EQ(on_disk(id).status, RunStatus::kSucceeded);
}

}  // namespace
}  // namespace leanto::node
