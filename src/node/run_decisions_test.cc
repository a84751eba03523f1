#include "node/run_decisions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "node/fake_worker.h"

namespace leanto::node {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using wire::Json;

constexpr std::uint64_t kMax = 1000;

MonotonicTime at(Duration since) { return MonotonicTime(since); }

Stopping cancelling(std::string reason = "") {
  Stopping stopping;
  stopping.reason = std::move(reason);
  stopping.asked = at(100s);
  stopping.grace = 10s;
  return stopping;
}

RunAnswer error(const Json& head, std::string bytes = {}) {
  return {AnswerKind::kError, wire::encode_head(head), std::move(bytes)};
}

TEST(StopDecision, WaitsForTheGraceThenTerminatesThenKills) {
  Stopping stopping = cancelling();
  EXPECT_EQ(decide_stop(stopping, 0, at(100s)), (StopDecision{StopStep::kWait, 10s}));
  EXPECT_EQ(decide_stop(stopping, 0, at(107s)), (StopDecision{StopStep::kWait, 3s}));
  EXPECT_EQ(decide_stop(stopping, 0, at(110s)), (StopDecision{StopStep::kTerminate, 5s}));
  stopping.terminated = at(110s);
  EXPECT_EQ(decide_stop(stopping, 0, at(114s)), (StopDecision{StopStep::kWait, 1s}));
  EXPECT_EQ(decide_stop(stopping, 0, at(115s)), (StopDecision{StopStep::kKill, 5s}));
}

TEST(StopDecision, SparesAWorkerThatServesOthers) {
  EXPECT_EQ(decide_stop(cancelling(), 2, at(110s)), (StopDecision{StopStep::kLeaveAlone, 1s}));
  EXPECT_EQ(decide_stop(cancelling(), 0, at(111s)).step, StopStep::kTerminate);
}

TEST(Ending, OfAValueIsSuccessAlsoWhenACancelCameTooLate) {
  const RunAnswer value{AnswerKind::kResult, "", "value"};
  for (const auto& stopping : {std::optional<Stopping>(), std::optional(cancelling())}) {
    const Ending ended = decide_ending(value, stopping, kMax);
    EXPECT_EQ(ended.outcome.status, RunStatus::kSucceeded);
    EXPECT_EQ(ended.outcome.error, std::nullopt);
    EXPECT_EQ(ended.answer, value);
  }
}

TEST(Ending, OfAnExceptionKeepsItWhole) {
  const RunAnswer raised = error(
      {{"kind", "user"}, {"type", "KeyError"}, {"message", "'x'"}, {"traceback", "Traceback"}},
      "pickled");
  const Ending ended = decide_ending(raised, {}, kMax);
  EXPECT_EQ(ended.outcome.status, RunStatus::kFailed);
  EXPECT_EQ(ended.outcome.error, (RunError{"user", "KeyError", "'x'", "Traceback"}));
  EXPECT_EQ(ended.answer, raised);
}

TEST(Ending, OfADeadWorkerIsAFailureUnlessItWasToBeStopped) {
  const RunAnswer died = error({{"kind", "worker_died"}, {"message", "it died"}});
  EXPECT_EQ(decide_ending(died, {}, kMax).outcome.status, RunStatus::kFailed);
  Stopping stopping = cancelling("no longer needed");
  stopping.terminated = at(110s);
  const Ending ended = decide_ending(died, stopping, kMax);
  EXPECT_EQ(ended.outcome.status, RunStatus::kCancelled);
  EXPECT_EQ(ended.outcome.error->kind, "cancelled");
  EXPECT_EQ(ended.outcome.error->message,
            "the run was cancelled: no longer needed; it did not end within 10s and its worker was "
            "terminated");
  stopping.killed = true;
  EXPECT_THAT(decide_ending(died, stopping, kMax).outcome.reason, HasSubstr("was killed"));
}

TEST(Ending, OfACancelledCallIsCancelled) {
  const RunAnswer cancelled = error({{"kind", "cancelled"}, {"message", "the call was cancelled"}});
  EXPECT_EQ(decide_ending(cancelled, cancelling("why"), kMax).outcome.reason, "why");
  EXPECT_EQ(decide_ending(cancelled, {}, kMax).outcome.status, RunStatus::kCancelled);
}

TEST(Ending, OfACancelledCallThatRaisedItsOwnErrorIsThatError) {
  const RunAnswer raised = error({{"kind", "user"}, {"type", "ValueError"}, {"message", "x"}});
  EXPECT_EQ(decide_ending(raised, cancelling(), kMax).outcome.status, RunStatus::kFailed);
}

TEST(Ending, AfterATimeoutIsATimeoutWhateverItSaysLater) {
  Stopping stopping = cancelling("the run took longer than its timeout of 2 s");
  stopping.cause = StopCause::kTimeout;
  for (const RunAnswer& answer : {RunAnswer{AnswerKind::kResult, "", "late"},
                                  error({{"kind", "cancelled"}, {"message", "x"}})}) {
    const Ending ended = decide_ending(answer, stopping, kMax);
    EXPECT_EQ(ended.outcome.status, RunStatus::kFailed);
    EXPECT_EQ(ended.outcome.error->kind, "timeout");
    EXPECT_EQ(ended.answer.kind, AnswerKind::kError);
  }
}

TEST(Ending, OfWhatCannotBeKeptIsAnErrorThatSaysSo) {
  const Ending large =
      decide_ending({AnswerKind::kResult, "", std::string(kMax + 1, 'x')}, {}, kMax);
  EXPECT_EQ(large.outcome.status, RunStatus::kFailed);
  EXPECT_EQ(large.outcome.error->kind, "capacity");
  EXPECT_THAT(large.outcome.error->message, HasSubstr("max_value_size"));
  const Ending stream =
      decide_ending({AnswerKind::kResult, wire::encode_head({{"stream", true}}), ""}, {}, kMax);
  EXPECT_EQ(stream.outcome.error->kind, "invalid");
}

TEST(KeyConflict, ShowsBothCalls) {
  RunRecord holder;
  holder.id = "r1";
  holder.key = "nightly";
  holder.service = "demo.train";
  holder.version = "0123456789abcdef";
  holder.digest = "aaaaaaaaaaaa";
  RunRecord asked = holder;
  asked.member = "fit";
  asked.digest = "bbbbbbbbbbbb";
  const Error error = key_conflict(holder, asked);
  EXPECT_EQ(error.kind, ErrorKind::kKeyConflict);
  EXPECT_THAT(error.message, HasSubstr("'nightly' stands for the run r1 (queued): demo.train at "
                                       "version 01234567 with the arguments aaaaaaaa"));
  EXPECT_THAT(error.message, HasSubstr("Asked was demo.train.fit at version 01234567 with the "
                                       "arguments bbbbbbbb"));
}

TEST(AgeTrust, IsGivenWhileTheClockGoesItsWay) {
  ManualClock clock;
  AgeTrust trust(clock);
  for (const std::int64_t minutes : {10, 10, 10'000}) {
    clock.wall_ms += minutes * 60'000 + 1000;  // a little wrong
    clock.monotonic_ms += minutes * 60'000;
    EXPECT_TRUE(trust.is_given(clock));
  }
  clock.wall_ms -= 86'400'000;
  EXPECT_TRUE(trust.is_given(clock)) << "set back, nothing looks older than it is";
}

TEST(AgeTrust, IsNotGivenForADayAfterTheClockWasSetForward) {
  ManualClock clock;
  AgeTrust trust(clock);
  clock.wall_ms += 365LL * 86'400'000;
  EXPECT_FALSE(trust.is_given(clock));
  for (int hours = 0; hours < 23; ++hours) {
    clock.wall_ms += 3'600'000;
    clock.monotonic_ms += 3'600'000;
    EXPECT_FALSE(trust.is_given(clock));
  }
  clock.wall_ms += 3'600'000;
  clock.monotonic_ms += 3'600'000;
  EXPECT_TRUE(trust.is_given(clock));
}

}  // namespace
}  // namespace leanto::node
