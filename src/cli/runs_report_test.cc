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

TEST(ExitCode, SaysWhatBecameOfARun) {
  EXPECT_EQ(exit_code_of("succeeded"), kOk);
  EXPECT_EQ(exit_code_of("failed"), kFailed);
  EXPECT_EQ(exit_code_of("cancelled"), kCancelled);
  EXPECT_EQ(exit_code_of("lost"), kLost);
}

}  // namespace
}  // namespace leanto::cli
