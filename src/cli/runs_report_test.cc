#include "cli/runs_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/command.h"

namespace leanto::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using wire::Json;

Json run() {
  return {{"id", "r0123456789abcdefg0"},
          {"status", "running"},
          {"service", "demo.trainer"},
          {"member", "fit"},
          {"version", "0123456789abcdef0123456789abcdef"},
          {"key", "nightly"},
          {"caller", {{"user", "ann"}, {"host", "desk"}, {"pid", 7}}},
          {"node", "desk"},
          {"attempt", 1},
          {"created_at", 1'700'000'000'000},
          {"started_at", 1'700'000'001'000},
          {"ended_at", nullptr},
          {"error", nullptr},
          {"reason", ""},
          {"result_size", 0},
          {"log_size", 2048}};
}

TEST(RunsReport, HasALineForEachRun) {
  const std::string report = runs_report({run()}, 1'700'000'063'000, {120, Colour::kNo});
  EXPECT_THAT(report, HasSubstr("RUN"));
  EXPECT_THAT(report, HasSubstr("r0123456789abcdefg0"));
  EXPECT_THAT(report, HasSubstr("demo.trainer.fit"));
  EXPECT_THAT(report, HasSubstr("1m 2s"));
}

TEST(RunsReport, SaysHowARunIsMadeWhereThereIsNone) {
  EXPECT_THAT(runs_report({}, 0, {}), HasSubstr(".submit("));
}

TEST(RunReport, SaysWhatIsKnownAndLeavesTheRestOut) {
  const std::string report = run_report(run(), 1'700'000'063'000);
  EXPECT_THAT(report, HasSubstr("service     demo.trainer.fit@01234567"));
  EXPECT_THAT(report, HasSubstr("caller      ann@desk, process 7"));
  EXPECT_THAT(report, HasSubstr("log         2"));
  EXPECT_THAT(report, Not(HasSubstr("ended")));
  EXPECT_THAT(report, Not(HasSubstr("error")));
}

TEST(RunReport, SaysWhereAQueuedRunStandsAndWhatItWaitsFor) {
  Json queued = run();
  queued["status"] = "queued";
  queued["queue_position"] = 3;
  queued["waits_for"] = {{"what", "worker"}, {"text", "the worker: it is busy"}};
  const std::string report = run_report(queued, 0);
  EXPECT_THAT(report, HasSubstr("status      queued, 3 before it\n"));
  EXPECT_THAT(report, HasSubstr("waits for   the worker: it is busy\n"));
  EXPECT_THAT(runs_report({queued}, 0, {120, Colour::kNo}), HasSubstr("queued, 3 before it"));
}

TEST(RunReport, EndsWithTheTraceback) {
  Json failed = run();
  failed["status"] = "failed";
  failed["error"] = {{"kind", "user"},
                     {"type", "KeyError"},
                     {"message", "'x'"},
                     {"traceback", "Traceback\n  line"}};
  const std::string report = run_report(failed, 0);
  EXPECT_THAT(report, HasSubstr("error       KeyError: 'x'\n"));
  EXPECT_TRUE(report.ends_with("\n\nTraceback\n  line\n"));
}

TEST(RunReport, SaysWhatItTook) {
  Json done = run();
  done.update(Json{{"replays", "r0"},
                   {"snapshot", "0123456789abcdef"},
                   {"queue_time", 61},
                   {"cpu_time", 2.5},
                   {"gpu_time", 0},
                   {"memory_peak", 1 << 20},
                   {"cost", 0.012345},
                   {"arguments_size", 2048},
                   {"keep_args", true}});
  const std::string report = run_report(done, 1'700'000'063'000);
  EXPECT_THAT(report, HasSubstr("replays     r0\n"));
  EXPECT_THAT(report, HasSubstr("snapshot    0123456789ab\n"));
  EXPECT_THAT(report, HasSubstr("waited for  1m 1s\n"));
  EXPECT_THAT(report, HasSubstr("cpu time    2s\n"));
  EXPECT_THAT(report, HasSubstr("memory      1.0 MiB\n"));
  EXPECT_THAT(report, HasSubstr("cost        0.01235\n"));
  EXPECT_THAT(report, HasSubstr("arguments   2.0 KiB, kept\n"));
  EXPECT_THAT(report, Not(HasSubstr("gpu time")));
  EXPECT_THAT(report, Not(HasSubstr("image")));
}

TEST(PruneRunsReport, SaysWhatGoesAndHowMuchThatIs) {
  Json rows = Json::array();
  for (int i = 0; i < 60; ++i)
    rows.push_back({{"id", "r1"}, {"status", "failed"}, {"service", "demo"}, {"size", 1024}});
  const Json answer = {{"runs", rows}, {"size", 60 * 1024}, {"dry_run", true}};
  const std::string report = prune_runs_report(answer, {120, Colour::kNo});
  EXPECT_THAT(report, HasSubstr("... and 10 more"));
  EXPECT_THAT(report, HasSubstr("60 runs, 60.0 KiB: would be forgotten\n"));
  EXPECT_THAT(prune_runs_report({{"runs", Json::array()}}, {}), HasSubstr("No run can go"));
}

TEST(ExitCode, SaysWhatBecameOfARun) {
  EXPECT_EQ(exit_code_of("succeeded"), kOk);
  EXPECT_EQ(exit_code_of("failed"), kFailed);
  EXPECT_EQ(exit_code_of("cancelled"), kCancelled);
  EXPECT_EQ(exit_code_of("lost"), kLost);
}

}  // namespace
}  // namespace leanto::cli
