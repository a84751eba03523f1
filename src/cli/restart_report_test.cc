#include "cli/restart_report.h"

#include <gmock/gmock.h>

#include "cli/node_process.h"

namespace leanto::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using wire::Json;

TEST(WhatIsLost, AreNamedObjectsAndCalls) {
  const std::vector<Json> objects = {
      {{"key", "total"}, {"kind", "instance"}, {"type", "Counter"}, {"memory", 1024}},
      {{"key", "data"}, {"kind", "value"}, {"size", 5}},
      {{"key", nullptr}, {"kind", "result"}, {"size", 5}},
  };
  const Json status = {{"services",
                        {{{"service", "demo.train"}, {"running", 1}, {"waiting", 2}},
                         {{"service", "demo.idle"}, {"running", 0}, {"waiting", 0}}}}};
  EXPECT_THAT(
      what_is_lost(objects, status),
      ElementsAre("'data' (value, 5 B)", "'total' (Counter, 1.0 KiB)", "3 calls of demo.train"));
  EXPECT_THAT(what_is_lost({}, Json::object()), IsEmpty());
}

TEST(WhatIsLost, AreNotRunsNorTheObjectsThatTheyRunOn) {
  const std::vector<Json> objects = {
      {{"key", "busy"}, {"id", "o1"}, {"kind", "instance"}, {"type", "C"}, {"memory", 1}},
      {{"key", "idle"}, {"id", "o2"}, {"kind", "instance"}, {"type", "C"}, {"memory", 1}}};
  const Json status = {{"services",
                        {{{"service", "demo.train"}, {"running", 1}, {"waiting", 2}},
                         {{"service", "demo.C"}, {"running", 1}, {"waiting", 0}}}}};
  const std::vector<Json> runs = {
      {{"service", "demo.train"}, {"status", "running"}, {"object", nullptr}},
      {{"service", "demo.train"}, {"status", "queued"}, {"object", nullptr}},
      {{"service", "demo.C"}, {"status", "running"}, {"object", "o1"}}};
  EXPECT_THAT(what_is_lost(objects, status, runs),
              ElementsAre("'idle' (C, 1 B)", "1 call of demo.train"));
}

TEST(RestartReport, SaysWhichWorkersLeaveAndWhatBecomesOfTheirCalls) {
  const Json answer = {
      {"services",
       {{{"service", "demo.add"}, {"workers", {12}}, {"interrupted", 0}, {"running", 0}},
        {{"service", "demo.train"},
         {"workers", {13, 14}},
         {"interrupted", 1},
         {"running", 2},
         {"error", {{"kind", "worker_died"}, {"message", "no torch"}}}}}}};
  EXPECT_EQ(restart_report(answer, ""),
            "demo.add: 1 worker replaced (pid 12)\n"
            "demo.train: 2 workers replaced (pid 13, 14), 1 call interrupted; still running there: "
            "2 calls (`leanto restart --now` interrupts)\n"
            "  no new worker: no torch\n");
  EXPECT_TRUE(still_runs(answer));
  EXPECT_TRUE(has_failed(answer));
}

TEST(RestartReport, SaysThatThereWasNothingToRestart) {
  const Json answer = {{"services", Json::array()}};
  EXPECT_EQ(restart_report(answer, "demo.add"),
            "demo.add has no worker; the next call starts one.\n");
  EXPECT_EQ(restart_report(answer, ""), "No service has a worker; the next call starts one.\n");
  EXPECT_FALSE(still_runs(answer));
  EXPECT_FALSE(has_failed(answer));
}

TEST(OptionsToKeep, AreThoseThatOnlyTheCommandLineKnows) {
  using namespace std::string_view_literals;
  EXPECT_THAT(options_to_keep("leanto\0node\0--detach\0--listen\0[::1]:80\0--warm=/p\0"sv),
              ElementsAre("--listen", "[::1]:80", "--warm=/p"));
  EXPECT_THAT(options_to_keep("leanto\0node\0--listen\0"sv), IsEmpty());
  EXPECT_THAT(options_to_keep(""), IsEmpty());
}

}  // namespace
}  // namespace leanto::cli
