#include "node/run_retry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace leanto::node {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using wire::Json;

constexpr std::uint64_t kGb = 1'000'000'000;

struct NextAttemptTest : ::testing::Test {
  static Ending failed(const std::string& kind, const std::string& type = {},
                       const Json& more = Json::object()) {
    Ending ending;
    ending.outcome.error = RunError{kind, type, "the message", ""};
    Json head = {{"kind", kind}};
    head.update(more);
    ending.answer = {AnswerKind::kError, wire::encode_head(head), {}};
    return ending;
  }
  std::optional<NextAttempt> after(const Ending& ending) {
    return decide_next_attempt(policy, {run, ending, own_memory, 10'000, 0.5});
  }

  RunRecord run = [] {
    RunRecord made;
    made.attempt = 1;
    made.created_at = 1000;
    return made;
  }();
  std::uint64_t own_memory = 0;
  wire::RetryPolicy policy = [] {
    wire::Retries retries;
    retries.attempts = 3;
    retries.kinds = {"worker_died"};
    retries.types = {"ValueError"};
    return wire::RetryPolicy{retries, std::nullopt, {}};
  }();
};

TEST_F(NextAttemptTest, ComesAfterTheErrorsThatAreNamedAndNoOthers) {
  EXPECT_TRUE(after(failed("worker_died")));
  EXPECT_TRUE(after(failed("user", "ValueError")));
  EXPECT_TRUE(
      after(failed("user", "shop.StockError", {{"types", {"shop.StockError", "ValueError"}}})));
  EXPECT_FALSE(after(failed("user", "KeyError", {{"types", {"KeyError", "LookupError"}}})));
  EXPECT_FALSE(after(failed("capacity", "ValueError")));
  EXPECT_FALSE(after(failed("node_lost")));
  Ending cancelled = failed("worker_died");
  cancelled.outcome.status = RunStatus::kCancelled;
  EXPECT_FALSE(after(cancelled));
  Ending succeeded;
  succeeded.outcome.status = RunStatus::kSucceeded;
  EXPECT_FALSE(after(succeeded));
}

TEST_F(NextAttemptTest, ComesAfterALostNodeOnlyIfThatIsNamed) {
  Ending lost = failed("node_lost");
  lost.outcome.status = RunStatus::kLost;
  EXPECT_FALSE(after(lost));
  policy.retries->kinds = {"node_lost"};
  EXPECT_TRUE(after(lost));
}

TEST_F(NextAttemptTest, ComesAsOftenAsIsAllowedWithGrowingDelays) {
  policy.retries->delay = 3;
  policy.retries->max_delay = 5;
  std::vector<std::int64_t> delays;
  for (run.attempt = 1; run.attempt <= 2; ++run.attempt)
    delays.push_back(after(failed("worker_died"))->not_before - 10'000);
  EXPECT_THAT(delays, ElementsAre(3000, 5000));
  run.attempt = 3;
  EXPECT_FALSE(after(failed("worker_died")));
}

TEST_F(NextAttemptTest, VariesItsDelayByTheJitter) {
  policy.retries->jitter = 0.5;
  const Ending ending = failed("worker_died");
  auto delay = [&](double random) {
    return decide_next_attempt(policy, {run, ending, 0, 0, random})->not_before;
  };
  EXPECT_EQ(delay(0), 500);
  EXPECT_EQ(delay(0.5), 1000);
  EXPECT_EQ(delay(1), 1500);
}

TEST_F(NextAttemptTest, IsWaitedForUntilItsTimeAndNeverLongerThanThePolicySays) {
  run.policy = R"({"retries": {"times": 1, "delay": 3, "max_delay": 5, "jitter": 0.5}})";
  EXPECT_EQ(delay_of(run, 10'000), 0) << "nothing is said of a time";
  run.not_before = 13'000;
  EXPECT_EQ(delay_of(run, 10'000), 3000);
  EXPECT_EQ(delay_of(run, 14'000), 0);
  EXPECT_EQ(delay_of(run, -1'000'000'000), 7500) << "the clock was set back";
  run.policy.clear();
  EXPECT_EQ(delay_of(run, 10'000), 0);
}

TEST_F(NextAttemptTest, DoesNotBeginAfterTheLimit) {
  policy.retries->limit = 9.9;
  EXPECT_FALSE(after(failed("worker_died")));
  policy.retries->limit = 10;
  EXPECT_TRUE(after(failed("worker_died")));
}

TEST_F(NextAttemptTest, SaysWhyThereIsOne) {
  EXPECT_THAT(after(failed("user", "ValueError"))->reason,
              HasSubstr("attempt 1 ended with ValueError: the message; retry 1 of 2 comes after"));
}

TEST_F(NextAttemptTest, HasMoreMemoryAfterAnOutOfMemory) {
  policy = {std::nullopt, wire::MoreMemory{{}, 2, 10 * kGb}, {}};
  own_memory = 3 * kGb;
  std::vector<std::int64_t> sizes;
  while (const auto next = after(failed("out_of_memory"))) {
    EXPECT_EQ(next->not_before, 10'000) << "at once";
    run.memory = next->memory;
    ++run.attempt;
    sizes.push_back(*next->memory);
  }
  EXPECT_THAT(sizes, ElementsAre(6 * kGb, 10 * kGb));
  EXPECT_FALSE(after(failed("worker_died")));
  run.memory.reset();
  EXPECT_FALSE(after(failed("out_of_memory", "", {{"device", "gpu"}})))
      << "memory doesn't help there";
}

TEST_F(NextAttemptTest, ThatHasMoreMemoryCountsAsNoRetry) {
  policy.on_oom = wire::MoreMemory{{}, 2, 100 * kGb};
  own_memory = kGb;
  run.memory = 4 * kGb;  // two steps
  run.attempt = 4;       // and one failure before this one
  EXPECT_TRUE(after(failed("worker_died")));
  run.attempt = 5;
  EXPECT_FALSE(after(failed("worker_died")));
  EXPECT_TRUE(after(failed("out_of_memory")));
}

TEST_F(NextAttemptTest, AfterAnOutOfMemoryIsARetryWhereThatIsNamed) {
  policy.retries->kinds = {"out_of_memory"};
  EXPECT_TRUE(after(failed("out_of_memory")));
  policy.on_oom = wire::MoreMemory{{}, 2, std::nullopt};  // but what it asks for is not known
  EXPECT_EQ(after(failed("out_of_memory"))->memory, std::nullopt);
}

struct PlacesTest : NextAttemptTest {
  PlacesTest() {
    for (const char* node : {"", "box", "big"}) policy.places.push_back({node, "f", "v", 0, {}});
    policy.retries->places = 2;
    policy.retries->attempts = 9;
  }
};

TEST_F(PlacesTest, TakeTurns) {
  std::vector<std::int64_t> places;
  for (run.attempt = 1; run.attempt <= 3; ++run.attempt) {
    const auto next = after(failed("worker_died"));
    run.place = next->place.value();
    places.push_back(run.place);
  }
  EXPECT_THAT(places, ElementsAre(1, 0, 1));
  EXPECT_THAT(after(failed("worker_died"))->reason, HasSubstr(" s on this machine"));
}

TEST_F(PlacesTest, FollowOnOneThatDidNotTakeItWhateverTheErrorIs) {
  const Ending refused = failed("capacity");
  EXPECT_FALSE(after(refused));
  EndedAttempt attempt{run, refused, 0, 10'000, 0.5, true};
  EXPECT_EQ(decide_next_attempt(policy, attempt)->place, 1);
  policy.retries->places = 1;
  EXPECT_FALSE(decide_next_attempt(policy, attempt));
}

TEST_F(PlacesTest, MayHaveMoreMemory) {
  policy.on_oom = wire::MoreMemory{{{2 * kGb}, {8 * kGb, 2}}, 2, {}};
  own_memory = kGb;
  EXPECT_EQ(after(failed("out_of_memory"))->place, std::nullopt) << "first more at the same place";
  run.memory = 2 * kGb;
  run.attempt = 2;
  const auto next = after(failed("out_of_memory"));
  EXPECT_EQ(next->place, 2);
  EXPECT_EQ(next->memory, 8 * kGb);
  EXPECT_THAT(next->reason, HasSubstr("with 2 GB; the next has 8 GB on big"));
  run.memory = 8 * kGb;
  run.place = 2;
  run.attempt = 3;
  EXPECT_FALSE(after(failed("out_of_memory")));
  EXPECT_EQ(after(failed("worker_died"))->place, std::nullopt) << "it stays where there is room";
}

TEST_F(PlacesTest, AreWhatHelpsOneThatRanOutOfMemoryOfItsGpu) {
  const Ending full = failed("out_of_memory", "", {{"device", "gpu"}});
  policy.on_oom = wire::MoreMemory{{{2 * kGb}, {kGb, 1}, {8 * kGb}, {8 * kGb, 2}}, 2, {}};
  own_memory = kGb;
  const auto next = after(full);
  EXPECT_EQ(next->place, 1) << "not the same one with more main memory";
  EXPECT_THAT(next->reason, HasSubstr("ran out of a GPU's memory; the next has 1 GB on box"));
  run.memory = kGb;
  run.place = 1;
  run.attempt = 2;
  EXPECT_EQ(after(full)->place, 2);
  run.memory = 8 * kGb;
  run.place = 2;
  run.attempt = 3;
  EXPECT_FALSE(after(full));

  policy.retries->attempts = 2;  // of four steps two were taken, in two attempts
  EXPECT_THAT(after(failed("worker_died"))->reason, HasSubstr("retry 1 of 1"));
  run.attempt = 6;  // as many as there are steps and attempts, whatever was passed over
  EXPECT_FALSE(after(failed("worker_died")));
}

TEST(MemorySteps, AreThoseAboveTheServicesOwn) {
  using Steps = std::vector<wire::MemoryStep>;
  EXPECT_EQ(memory_steps({{{kGb}, {3 * kGb}, {8 * kGb}}, 2, {}}, 2 * kGb),
            (Steps{{3 * kGb}, {8 * kGb}}));
  EXPECT_EQ(memory_steps({{{kGb}, {kGb, 1}}, 2, {}}, 2 * kGb), (Steps{{kGb, 1}}));
  EXPECT_EQ(memory_steps({{}, 1.5, 4 * kGb}, 2 * kGb), (Steps{{3 * kGb}, {4 * kGb}}));
  EXPECT_EQ(memory_steps({{}, 2, 4 * kGb}, 0), Steps());
  EXPECT_EQ(memory_steps({{}, 2, kGb}, kGb), Steps());
  EXPECT_LE(memory_steps({{}, 1.01, {}}, 1).size(), 64u);
}

TEST(PolicyOf, IsNothingWhereNothingIsOnRecord) {
  RunRecord run;
  EXPECT_EQ(policy_of(run), wire::RetryPolicy());
  run.policy = "nonsense";
  EXPECT_EQ(policy_of(run), wire::RetryPolicy());
  run.policy = R"({"retries": {"attempts": 2}})";
  EXPECT_EQ(policy_of(run).retries->attempts, 2);
}

}  // namespace
}  // namespace leanto::node
