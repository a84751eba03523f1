#include "cli/report.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <time.h>

#include <limits>

#include "cli/list_report.h"
#include "cli/status_report.h"
#include "os/unix_socket.h"

namespace leanto::cli {
namespace {

using wire::Json;

class InBerlin : public ::testing::Test {
 protected:
  InBerlin() { set("CET-1CEST,M3.5.0,M10.5.0/3"); }
  ~InBerlin() override { set("UTC0"); }
  static void set(const char* zone) {
    ::setenv("TZ", zone, 1);
    ::tzset();
  }
};

TEST(Report, WritesSizesInPowersOf1024) {
  EXPECT_EQ(human_size(0), "0 B");
  EXPECT_EQ(human_size(1023), "1023 B");
  EXPECT_EQ(human_size(1024), "1.0 KiB");
  EXPECT_EQ(human_size(12'897'485), "12.3 MiB");
  EXPECT_EQ(human_size(1024.0 * 1024 - 1), "1.0 MiB");
  EXPECT_EQ(human_size(3.5 * 1024 * 1024 * 1024), "3.5 GiB");
  EXPECT_EQ(human_size(-5), "0 B");
}

TEST(Report, WritesDurationsInTheirTwoLargestUnits) {
  EXPECT_EQ(human_duration(0), "0s");
  EXPECT_EQ(human_duration(-1), "0s");
  EXPECT_EQ(human_duration(std::numeric_limits<double>::quiet_NaN()), "0s");
  EXPECT_EQ(human_duration(0.25), "250ms");
  EXPECT_EQ(human_duration(0.9999), "1s");
  EXPECT_EQ(human_duration(59.2), "59s");
  EXPECT_EQ(human_duration(192), "3m 12s");
  EXPECT_EQ(human_duration(3600), "1h 0m");
  EXPECT_EQ(human_duration(26 * 3600 + 59 * 60), "1d 2h");
  EXPECT_EQ(human_duration(1e300), "11574074d 1h");
}

TEST_F(InBerlin, WritesTimesAsTheyAreThere) {
  EXPECT_EQ(human_time(1'738'328'531'120), "2025-01-31 14:02");
  EXPECT_EQ(iso_time(1'738'328'531'120), "2025-01-31T14:02:11.120+01:00");
  EXPECT_EQ(iso_time(1'751'371'200'000), "2025-07-01T14:00:00.000+02:00");
  EXPECT_EQ(iso_time(-1), "1970-01-01T00:59:59.999+01:00");
}

TEST_F(InBerlin, WritesOffsetsWestOfGreenwichWithTheirSign) {
  set("NST3:30");
  EXPECT_EQ(iso_time(0), "1969-12-31T20:30:00.000-03:30");
}

TEST(Report, ShortensPathsBelowHome) {
  EXPECT_EQ(short_path("/home/me/demo", "/home/me"), "~/demo");
  EXPECT_EQ(short_path("/home/me", "/home/me/"), "~");
  EXPECT_EQ(short_path("/home/merle/demo", "/home/me"), "/home/merle/demo");
  EXPECT_EQ(short_path("/srv/demo", ""), "/srv/demo");
  EXPECT_EQ(short_path("/srv/demo", "/"), "/srv/demo");
}

TEST(Report, ReadsAnswersOfOtherVersionsWithoutStumbling) {
  const Json row = {{"name", 7}, {"pid", "x"}, {"memory", nullptr}, {"list", {1, "a", {{"b", 1}}}}};
  EXPECT_EQ(text_of(row, "name"), "-");
  EXPECT_EQ(number_of(row, "pid"), "-");
  EXPECT_EQ(size_of(row, "memory"), "-");
  EXPECT_EQ(size_of(row, "absent"), "-");
  EXPECT_EQ(rows_of(row, "list").size(), 1u);
  EXPECT_TRUE(rows_of(row, "name").empty());
}

TEST(Report, HasAScreenOf100ColumnsWithoutColourWhereThereIsNoTerminal) {
  const auto pair = socket_pair();
  ASSERT_TRUE(pair.has_value());
  const Screen screen = screen_of(pair->first.get());
  EXPECT_EQ(screen.width, 100u);
  EXPECT_EQ(screen.colour, Colour::kNo);
}

Json some_status() {
  return {{"running", true},
          {"version", "0.1.0"},
          {"pid", 4711},
          {"socket", "/s/node.sock"},
          {"state_directory", "/s"},
          {"config_file", "/c/node.toml"},
          {"cgroups", "cgroups: v2, memory: yes"},
          {"slots", "1 x A10G, 4 CPUs, 16 GB of memory"},
          {"waiting_for_slots", 1},
          {"memory_limits", "by cgroup v2 in /cg"},
          {"memory", 12'897'485},
          {"uptime", 192.5},
          {"calls", 1},
          {"workers",
           {{{"pid", 99},
             {"service", "demo.Trainer"},
             {"object", "'trainer'"},
             {"version", "0123456789abcdef0123456789abcdef"},
             {"calls", 1},
             {"memory", 1024},
             {"memory_limit", 2048},
             {"cpus", 2},
             {"gpus", {{{"name", "0"}, {"share", 0.5}}}}}}},
          {"zygotes",
           {{{"pid", 98},
             {"python", "/usr/bin/python3"},
             {"modules", 3},
             {"renewing", false},
             {"memory", 1024}}}}};
}

TEST(StatusReport, SaysWhatTheNodeIsAndWhatRunsOnIt) {
  EXPECT_EQ(
      status_report(some_status(), "0.1.0", {}),
      "leanto 0.1.0  pid 4711, running for 3m 12s, 12.3 MiB, 1 call\n"
      "\n"
      "socket    /s/node.sock\n"
      "state     /s\n"
      "config    /c/node.toml\n"
      "cgroups   v2, memory: yes\n"
      "slots     1 x A10G, 4 CPUs, 16 GB of memory; waiting for some: 1 worker\n"
      "limits    by cgroup v2 in /cg\n"
      "\n"
      "PID  WORKER OF               CALLS              MEMORY  HOLDS                 VERSION\n"
      " 99  demo.Trainer 'trainer'      1  1.0 KiB of 2.0 KiB  2 CPUs, 0.5 of GPU 0  01234567\n"
      "\n"
      "PID  ZYGOTE OF         MODULES   MEMORY  STATE\n"
      " 98  /usr/bin/python3        3  1.0 KiB  warm\n");
}

TEST(StatusReport, BreaksTheFirstLineOnANarrowTerminal) {
  Screen narrow;
  narrow.width = 59;
  EXPECT_TRUE(status_report(some_status(), "0.1.0", narrow)
                  .starts_with("leanto 0.1.0  pid 4711\nrunning for 3m 12s, 12.3 MiB, 1 call\n"));
  narrow.width = 60;
  EXPECT_TRUE(status_report(some_status(), "0.1.0", narrow)
                  .starts_with("leanto 0.1.0  pid 4711, running for 3m 12s, 12.3 MiB, 1 call\n"));
}

TEST(StatusReport, SaysWhichCallsWaitAndForWhat) {
  Json status = some_status();
  status["services"] = {{{"service", "demo.idle"}, {"waiting", 0}},
                        {{"service", "demo.train"},
                         {"waiting", 3},
                         {"waits_for", {{"text", "the worker: it is busy"}}}}};
  const std::string report = status_report(status, "0.1.0", {});
  EXPECT_NE(report.find("waiting   demo.train: 3 calls, for the worker: it is busy\n"),
            std::string::npos)
      << report;
  EXPECT_EQ(report.find("demo.idle"), std::string::npos);
}

TEST(StatusReport, PointsOutThatTheProgramIsOfAnotherVersion) {
  const std::string report = status_report(some_status(), "0.2.0", {});
  EXPECT_NE(report.find("This program is 0.2.0: `leanto restart --node`"), std::string::npos)
      << report;
}

TEST(StatusReport, MakesDoWithAnEmptyAnswer) {
  const std::string report = status_report(Json::object(), "0.1.0", {});
  EXPECT_NE(report.find("leanto -  pid -, running for 0s, -, 0 calls"), std::string::npos)
      << report;
  EXPECT_NE(report.find("No workers"), std::string::npos);
}

TEST_F(InBerlin, ListsServicesAndThenObjects) {
  const Json list = {{"services",
                      {{{"name", "demo.train"},
                        {"kind", "function"},
                        {"version", "0123456789abcdef0123456789abcdef"},
                        {"callable", "train.train"},
                        {"root", "/home/me/demo"},
                        {"saved_at", 1'738'328'531'120}}}},
                     {"objects",
                      {{{"name", ""}, {"id", "o-1"}, {"kind", "live"}, {"class", "Trainer"}},
                       {{"name", "data"}, {"kind", "value"}}}}};
  EXPECT_EQ(list_report(list, "/home/me", {}),
            "SERVICE     KIND      VERSION   CALLABLE     PROJECT  SAVED\n"
            "demo.train  function  01234567  train.train  ~/demo   2025-01-31 14:02\n"
            "\n"
            "OBJECT  KIND   CLASS\n"
            "o-1     live   Trainer\n"
            "data    value  -\n");
}

TEST(ListReport, SaysHowToMakeAServiceWhereThereIsNothing) {
  const std::string report = list_report({{"services", Json::array()}}, "", {});
  EXPECT_NE(report.find("lt.function(f).to(lt.here)"), std::string::npos) << report;
}

}  // namespace
}  // namespace leanto::cli
