#include "node/restarter.h"

#include <gmock/gmock.h>

#include "node/calls_fixture.h"

namespace leanto::node {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using wire::FrameType;

struct RestarterTest : CallsTest {
  net::Task<Status> start_one(TargetPtr target) {
    started.push_back(target);
    co_return start_result;
  }
  std::vector<RestartedService> restart(std::vector<TargetPtr> targets, RestartWords words) {
    return test.get(restarter.restart(std::move(targets), words));
  }
  bool was_interrupted(FakeWorker& worker, const Asked& call) {
    for (const Heard& heard : worker.process->hear())
      if (heard.type == FrameType::kCancel && heard.stream == call.number) return true;
    return false;
  }

  std::vector<std::string> renewed;
  std::vector<TargetPtr> started;
  Status start_result;
  Restarter restarter{{calls, clock,
                       [this](const std::string& python) { renewed.push_back(python); },
                       [this](TargetPtr target) { return start_one(std::move(target)); }}};
};

TEST_F(RestarterTest, LetsIdleWorkersLeaveAndStartsANewOneFromANewZygote) {
  const TargetPtr target = make_target(1, 256);
  const auto worker = start(target);
  const auto restarted = restart({target}, {RunningCalls::kFinish, 0s});
  EXPECT_TRUE(worker->process->is_closed());
  EXPECT_THAT(started, ElementsAre(target));
  EXPECT_THAT(renewed, SizeIs(1));
  ASSERT_THAT(restarted, SizeIs(1));
  EXPECT_EQ(restarted[0].service, "train");
  EXPECT_THAT(restarted[0].before, SizeIs(1));
  EXPECT_EQ(restarted[0].running, 0);
  EXPECT_EQ(restarted[0].error, std::nullopt);
}

TEST_F(RestarterTest, LetsCallsFinishAndSaysHowManyStillRunAfterTheLimit) {
  const TargetPtr target = make_target(1, 256);
  const auto worker = start(target);
  const Asked call = submit(target);
  const auto restarted = restart({target}, {RunningCalls::kFinish, 0s});
  EXPECT_EQ(restarted[0].running, 1);
  EXPECT_EQ(restarted[0].interrupted, 0);
  EXPECT_FALSE(was_interrupted(*worker, call));
  EXPECT_FALSE(worker->process->is_closed());
  answer(*worker, call);
  EXPECT_EQ(answers_of(call), 1u);
  EXPECT_TRUE(worker->process->is_closed());
}

TEST_F(RestarterTest, GivesNewCallsToNewWorkersWhileOldOnesFinish) {
  const TargetPtr target = make_target(1, 256);
  const auto old = start(target);
  const Asked running = submit(target);
  (void)restart({target}, {RunningCalls::kFinish, 0s});
  const Asked next = submit(target);
  EXPECT_THAT(sent_to(*old), ElementsAre(running.number));
  const auto fresh = start(target);
  EXPECT_THAT(sent_to(*fresh), ElementsAre(next.number));
}

TEST_F(RestarterTest, InterruptsWhatRunsIfItIsToldTo) {
  const TargetPtr target = make_target(1, 256);
  const auto worker = start(target);
  const Asked call = submit(target);
  std::optional<std::vector<RestartedService>> restarted;
  auto run = [&]() -> net::Task<> {
    const std::vector<TargetPtr> targets{target};
    const RestartWords words{RunningCalls::kInterrupt, 0s};
    restarted = co_await restarter.restart(targets, words);
  };
  test.loop.spawn("restart", run());
  test.settle();
  EXPECT_TRUE(was_interrupted(*worker, call));
  EXPECT_FALSE(restarted.has_value()) << "it is given time";
  worker->process->say_head(FrameType::kError, call.number, {{"kind", "cancelled"}});
  ASSERT_TRUE(test.run_until([&] { return answers_of(call) == 1; }));
  worker->exit({.code = 0, .signal = {}});
  ASSERT_TRUE(test.run_until([&] { return restarted.has_value(); }));
  EXPECT_EQ(restarted->at(0).interrupted, 1);
  EXPECT_EQ(restarted->at(0).running, 0);
}

TEST_F(RestarterTest, SaysWhyThereIsNoNewWorker) {
  const TargetPtr target = make_target(1, 256);
  const auto worker = start(target);
  start_result = fail(ErrorKind::kWorkerDied, "no torch");
  const auto restarted = restart({target}, {RunningCalls::kFinish, 0s});
  EXPECT_EQ(restarted[0].error, (Error{ErrorKind::kWorkerDied, "no torch"}));
}

TEST_F(RestarterTest, StartsNothingForAVersionThatIsReplaced) {
  const TargetPtr target = make_target(1, 256);
  const auto worker = start(target);
  submit(target);
  calls.retire(target);
  const auto restarted = restart({target}, {RunningCalls::kFinish, 0s});
  EXPECT_THAT(started, IsEmpty());
  EXPECT_EQ(restarted[0].running, 1);
}

TEST_F(RestarterTest, MeansTheTargetsOfANameThatHaveWorkers) {
  const TargetPtr old = make_target(1, 1), newest = make_target(1, 1), other = make_target(1, 1),
                  idle = make_target(1, 1);
  const auto service = [](const char* name, const char* version) {
    auto spec = std::make_shared<ServiceSpec>();
    spec->name = name;
    spec->version = version;
    return spec;
  };
  old->service = service("train", "v1");
  newest->service = service("first.train", "v2");
  other->service = service("other", "v3");
  idle->service = service("train", "v4");
  const auto first = start(old), second = start(newest), third = start(other);
  const std::unordered_map<std::string, TargetPtr> targets = {
      {"v1", old}, {"v2", newest}, {"v3", other}, {"v4", idle}};
  EXPECT_THAT(targets_to_restart(targets, newest->service, "train"), ElementsAre(newest, old));
  EXPECT_THAT(targets_to_restart(targets, nullptr, ""), ElementsAre(newest, other, old));
}

}  // namespace
}  // namespace leanto::node
