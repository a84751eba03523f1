// Runs: replayed, and forgotten.
#include "node/runs_fixture.h"

namespace leanto::node {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;
using wire::Json;

struct RunsReplayTest : RunsTest {
  // A run that has ended.
  std::string run_to_its_end(const Json& more) {
    const std::string id = submit_run(more);
    const auto worker = start(target);
    say_value(*worker, hear_call(*worker));
    EXPECT_THAT(wait_for(id).runs, SizeIs(1));
    return id;
  }
  Result<Runs::Submitted> replay(const std::string& id) {
    return test.get(runs->replay(id, R"({"user":"ann"})"));
  }
};

TEST_F(RunsReplayTest, IsTheSameCallWithTheSamePolicyAndNoKey) {
  const std::string id = run_to_its_end({{"key", "k"},
                                         {"m", "fit"},
                                         {"b", {3, 6}},
                                         {"keep_args", true},
                                         {"timeout", 60},
                                         {"grace", 2},
                                         {"retries", {{"times", 2}}}});
  const auto again = replay("k");
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_TRUE(again->is_new);
  const RunRecord first = on_disk(id), second = on_disk(again->run.id);
  EXPECT_NE(second.id, id);
  EXPECT_EQ(second.replays, id);
  EXPECT_EQ(second.key, std::nullopt);
  EXPECT_EQ(second.status, RunStatus::kQueued);
  EXPECT_EQ(second.caller, R"({"user":"ann"})");
  EXPECT_EQ(second.head, first.head);
  EXPECT_EQ(second.member, "fit");
  EXPECT_EQ(second.version, first.version);
  EXPECT_EQ(second.timeout_ms, 60'000);
  EXPECT_EQ(second.grace_ms, 2000);
  EXPECT_EQ(second.policy, first.policy);
  EXPECT_TRUE(second.keep_arguments);
  EXPECT_EQ(store->arguments(second.id).value(), "arguments");
}

TEST_F(RunsReplayTest, NeedsArgumentsThatWereKept) {
  const std::string id = run_to_its_end({});
  EXPECT_EQ(store->arguments(id).value(), std::nullopt);
  const auto again = replay(id);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().kind, ErrorKind::kNotFound);
  EXPECT_THAT(again.error().message, HasSubstr(".options(keep_args=True)"));
}

TEST_F(RunsReplayTest, OfOneThatHasNotEndedNeedsNothing) {
  const std::string id = submit_run();
  EXPECT_TRUE(replay(id));
}

TEST_F(RunsReplayTest, SaysThatItsCodeIsGone) {
  const std::string id = run_to_its_end({{"keep_args", true}});
  target.reset();
  const auto again = replay(id);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().kind, ErrorKind::kNotFound);
  EXPECT_THAT(again.error().message, HasSubstr("the code of the run"));
}

TEST_F(RunsReplayTest, IsOfTheSameVersionOrNotAtAll) {
  const std::string id = run_to_its_end({{"keep_args", true}});
  auto service = std::make_shared<ServiceSpec>(*target->service);
  service->version = "another";
  target = std::make_shared<Target>();
  target->service = service;
  const auto again = replay(id);
  ASSERT_FALSE(again);
  EXPECT_THAT(again.error().message, HasSubstr("was replaced since"));
}

TEST_F(RunsReplayTest, RecordsWhatAnAttemptHolds) {
  const std::string id = run_to_its_end({});
  const auto attempts = test.get(runs->attempts(id));
  ASSERT_TRUE(attempts);
  ASSERT_THAT(*attempts, SizeIs(1));
  EXPECT_EQ(attempts->at(0).share, (RunShare{2000, 3'600'000}));
}

TEST_F(RunsReplayTest, ForgetsOnlyWhenTold) {
  const std::string first = run_to_its_end({}), second = run_to_its_end({});
  RunRetention one;
  one.max_count = 1;
  auto expired = test.get(runs->forget_expired(one, Runs::Forget::kNothing));
  ASSERT_TRUE(expired);
  ASSERT_THAT(*expired, SizeIs(1));
  EXPECT_EQ(expired->at(0).id, first);
  EXPECT_EQ(on_disk(first).id, first);
  ASSERT_TRUE(test.get(runs->forget_expired(one, Runs::Forget::kExpired)));
  EXPECT_EQ(on_disk(first).id, "");
  EXPECT_EQ(on_disk(second).id, second);
}

}  // namespace
}  // namespace leanto::node
