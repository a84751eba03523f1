#include <future>

#include "node/runs_fixture.h"

namespace leanto::node {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;
using wire::Json;

const Json kRetry = {{"retries",
                      {{"attempts", 2},
                       {"kinds", {"worker_died"}},
                       {"types", {"ValueError"}},
                       {"delay", 0},
                       {"jitter", 0}}}};
const Json kValueError = {{"kind", "user"}, {"type", "ValueError"}, {"message", "no"}};

struct RunsRetryTest : RunsTest {
  static Json retry_after(double delay) {
    Json policy = kRetry;
    policy["retries"]["delay"] = delay;
    policy["retries"]["max_delay"] = delay;
    return policy;
  }
  std::vector<RunStore::Attempt> attempts(const std::string& id) {
    std::string copy = id;
    return *test.get(runs->attempts(std::move(copy)));
  }
};

TEST_F(RunsRetryTest, AnAttemptThatFailsIsFollowedByAnother) {
  const auto worker = start(target);
  const std::string id = submit_run(kRetry);
  say_error(*worker, hear_call(*worker), kValueError);
  const Heard heard = hear_call_frame(*worker);
  EXPECT_EQ(heard.body, "arguments") << "the same ones";
  EXPECT_EQ(on_disk(id).attempt, 2);
  EXPECT_EQ(attempts(id)[0].error->type, "ValueError") << "before the next one began";
  say_value(*worker, heard.stream, "at last");
  const RunRecord run = wait_for(id).runs.at(0);
  EXPECT_EQ(run.status, RunStatus::kSucceeded);
  EXPECT_EQ(test.get(runs->answer(id))->bytes, "at last");
  ASSERT_THAT(attempts(id), SizeIs(2));
  EXPECT_EQ(attempts(id)[1].outcome, "succeeded");
}

TEST_F(RunsRetryTest, TheLastAttemptsErrorIsTheRuns) {
  const auto worker = start(target);
  const std::string id = submit_run(kRetry);
  for (int i = 0; i < 2; ++i) say_error(*worker, hear_call(*worker), kValueError);
  const RunRecord run = wait_for(id).runs.at(0);
  EXPECT_EQ(run.status, RunStatus::kFailed);
  EXPECT_EQ(run.attempt, 2);
  EXPECT_EQ(run.error->type, "ValueError");
}

TEST_F(RunsRetryTest, WhoWaitsHearsOfTheRunsEndAndNotOfAnAttempts) {
  const auto worker = start(target);
  const std::string id = submit_run(retry_after(3600));
  say_error(*worker, hear_call(*worker), kValueError);
  ASSERT_TRUE(test.run_until([&] { return on_disk(id).status == RunStatus::kQueued; }));
  std::vector<std::string> ids{id};
  EXPECT_TRUE(test.get(runs->wait(std::move(ids), 0ms))->runs.empty());
  EXPECT_THAT(on_disk(id).reason, HasSubstr("retry 1 of 1"));
}

TEST_F(RunsRetryTest, OneThatWaitsForItsNextAttemptIsCancelledAtOnce) {
  const auto worker = start(target);
  const std::string id = submit_run(retry_after(3600));
  say_error(*worker, hear_call(*worker), kValueError);
  ASSERT_TRUE(test.run_until([&] { return on_disk(id).status == RunStatus::kQueued; }));
  test.settle();
  EXPECT_TRUE(*test.get(runs->cancel(id, "enough")));
  const RunRecord run = wait_for(id).runs.at(0);
  EXPECT_EQ(run.status, RunStatus::kCancelled);
  EXPECT_EQ(run.attempt, 1);
  EXPECT_TRUE(sent_to(*worker).empty());
}

TEST_F(RunsRetryTest, ACancelledAttemptIsTheLast) {
  const auto worker = start(target);
  const std::string id = submit_run(kRetry);
  const std::uint32_t call = hear_call(*worker);
  EXPECT_TRUE(*test.get(runs->cancel(id, "enough")));
  say_error(*worker, call, {{"kind", "worker_died"}, {"message", "it died"}});
  EXPECT_EQ(wait_for(id).runs.at(0).status, RunStatus::kCancelled);
}

TEST_F(RunsRetryTest, TheNextNodeWaitsForTheNextAttemptAsWell) {
  const auto worker = start(target);
  const std::string id = submit_run(retry_after(60));
  say_error(*worker, hear_call(*worker), kValueError);
  ASSERT_TRUE(test.run_until([&] { return on_disk(id).status == RunStatus::kQueued; }));
  begin_node();
  target = make_target(1, 1);
  ASSERT_TRUE(runs->recover(*store));
  const auto next = start(target);
  test.settle();
  EXPECT_TRUE(sent_to(*next).empty());
  EXPECT_TRUE(*test.get(runs->cancel(id, "enough")));
  EXPECT_EQ(wait_for(id).runs.at(0).status, RunStatus::kCancelled);
}

TEST_F(RunsRetryTest, TheNextNodeStartsAtOnceWhatIsDueByThen) {
  const auto worker = start(target);
  const std::string id = submit_run(retry_after(60));
  say_error(*worker, hear_call(*worker), kValueError);
  ASSERT_TRUE(test.run_until([&] { return on_disk(id).status == RunStatus::kQueued; }));
  clock.wall_ms += 61'000;
  begin_node();
  target = make_target(1, 1);
  ASSERT_TRUE(runs->recover(*store));
  const auto next = start(target);
  say_value(*next, hear_call(*next));
  EXPECT_EQ(wait_for(id).runs.at(0).attempt, 2);
}

TEST_F(RunsRetryTest, AClockThatWasSetBackMakesNoDelayLonger) {
  const auto worker = start(target);
  const std::string id = submit_run(retry_after(0.05));
  clock.wall_ms += 86'400'000;
  say_error(*worker, hear_call(*worker), kValueError);
  ASSERT_TRUE(test.run_until([&] { return on_disk(id).status == RunStatus::kQueued; }));
  clock.wall_ms -= 86'400'000;
  begin_node();
  target = make_target(1, 1);
  ASSERT_TRUE(runs->recover(*store));
  const auto next = start(target);
  clock.monotonic_ms += 50;
  say_value(*next, hear_call(*next));
  EXPECT_EQ(wait_for(id).runs.at(0).attempt, 2);
}

TEST_F(RunsRetryTest, WhatWasLostIsTriedAgainOnlyIfThatIsAsked) {
  const auto worker = start(target);
  Json policy = kRetry;
  const std::string lost = submit_run(policy);
  (void)hear_call(*worker);
  begin_node();
  target = make_target(1, 1);
  ASSERT_TRUE(runs->recover(*store));
  EXPECT_EQ(wait_for(lost).runs.at(0).status, RunStatus::kLost);

  policy["retries"]["kinds"] = {"node_lost"};
  const auto second = start(target);
  const std::string again = submit_run(policy);
  (void)hear_call(*second);
  begin_node();
  target = make_target(1, 1);
  ASSERT_TRUE(runs->recover(*store));
  EXPECT_EQ(attempts(again)[0].outcome, "lost");
  const auto third = start(target);
  say_value(*third, hear_call(*third));
  const RunRecord run = wait_for(again).runs.at(0);
  EXPECT_EQ(run.status, RunStatus::kSucceeded);
  EXPECT_EQ(run.attempt, 2);
}

TEST_F(RunsRetryTest, ANodeThatStopsLeavesItToTheNextIfThatIsAsked) {
  const auto worker = start(target);
  Json policy = kRetry;
  policy["retries"]["kinds"] = {"node_lost"};
  const std::string id = submit_run(policy);
  (void)hear_call(*worker);
  test.run(runs->stop());
  EXPECT_EQ(on_disk(id).status, RunStatus::kQueued);
  EXPECT_EQ(attempts(id)[0].outcome, "lost");
}

TEST_F(RunsRetryTest, AnAttemptThatFailsWhileTheNodeEndsIsFollowedByOneOfTheNext) {
  target = make_target(1, 2);
  const auto worker = start(target);
  const std::string first = submit_run();
  const std::uint32_t of_first = hear_call(*worker);
  const std::string second = submit_run(kRetry);
  const std::uint32_t of_second = hear_call(*worker);
  std::promise<void> gate;
  std::function<Status(RunStore&)> work = [&](RunStore&) -> Status {
    gate.get_future().wait();
    return {};
  };
  bool has_stopped = false;
  auto hold = [&]() -> net::Task<> { (void)co_await journal->commit(std::move(work)); };
  auto stop = [&]() -> net::Task<> {
    co_await runs->stop();
    has_stopped = true;
  };
  test.loop.spawn("hold the disk", hold());
  test.settle();
  say_value(*worker, of_first);
  test.settle();
  test.loop.spawn("stop", stop());
  test.settle();
  say_error(*worker, of_second, kValueError);
  test.settle();
  EXPECT_FALSE(has_stopped) << "it waits for what is being written";
  gate.set_value();
  ASSERT_TRUE(test.run_until([&] { return has_stopped; }));
  EXPECT_EQ(on_disk(first).status, RunStatus::kSucceeded);
  EXPECT_EQ(on_disk(second).status, RunStatus::kQueued);
  EXPECT_EQ(attempts(second)[0].outcome, "failed");
}

TEST_F(RunsRetryTest, AfterAnOutOfMemoryTheNextAttemptHasMore) {
  const Json policy = {{"on_oom", {{"factor", 2}, {"max", "8GB"}}}};
  auto service = std::make_shared<ServiceSpec>(*target->service);
  service->settings.ask.memory = 3'000'000'000;
  target->service = service;
  const auto small = start(target);
  const std::string id = submit_run(policy);
  say_error(*small, hear_call(*small), {{"kind", "out_of_memory"}, {"message", "it was too much"}});
  ASSERT_TRUE(test.run_until([&] { return resized_to != 0; }));
  EXPECT_EQ(resized_to, 6'000'000'000u);
  const auto large = start(larger);
  say_value(*large, hear_call(*large));
  EXPECT_EQ(wait_for(id).runs.at(0).status, RunStatus::kSucceeded);
  ASSERT_THAT(attempts(id), SizeIs(2));
  EXPECT_EQ(attempts(id)[0].memory_limit, 3'000'000'000);
  EXPECT_EQ(attempts(id)[0].error->kind, "out_of_memory");
  EXPECT_EQ(attempts(id)[1].memory_limit, 6'000'000'000);
}

TEST_F(RunsRetryTest, AttemptsHaveTheirPartsOfTheLog) {
  const auto worker = start(target);
  const std::string id = submit_run(kRetry);
  const std::uint32_t first = hear_call(*worker);
  runs->on_output(first, wire::OutputStream::kStdout, "of the first\n");
  say_error(*worker, first, kValueError);
  const std::uint32_t second = hear_call(*worker);
  runs->on_output(second, wire::OutputStream::kStdout, "of the second\n");
  say_value(*worker, second);
  (void)wait_for(id);
  const auto all = attempts(id);
  ASSERT_THAT(all, SizeIs(2));
  EXPECT_EQ(all[0].log_offset, 0);
  const auto offset = static_cast<std::uint64_t>(all[1].log_offset);
  const auto log = test.get(runs->logs(id, offset, 0s));
  EXPECT_THAT(log->piece.records, HasSubstr("of the second"));
  EXPECT_THAT(log->piece.records, ::testing::Not(HasSubstr("of the first")));
}

}  // namespace
}  // namespace leanto::node
