#include "cli/top_report.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "cli/table_text.h"

namespace leanto::cli {
namespace {

using wire::Json;

Json some_status(double uptime, double cpu) {
  return {{"version", "0.1.0"},
          {"pid", 4711},
          {"uptime", uptime},
          {"cpu", cpu / 10},
          {"memory", 10 << 20},
          {"services",
           {{{"service", "demo.add"},
             {"version", "aaaaaaaabb"},
             {"workers", 1},
             {"starting", 0},
             {"running", 0},
             {"waiting", 0}},
            {{"service", "demo.train"},
             {"version", "cccccccccc"},
             {"workers", 2},
             {"starting", 1},
             {"running", 2},
             {"waiting", 5}}}},
          {"workers",
           {{{"pid", 11},
             {"service", "demo.add"},
             {"version", "aaaaaaaabb"},
             {"calls", 0},
             {"uptime", 5},
             {"cpu", 0.5},
             {"memory", 1 << 20},
             {"leaving", false}},
            {{"pid", 12},
             {"service", "demo.train"},
             {"version", "cccccccccc"},
             {"calls", 1},
             {"uptime", 70},
             {"cpu", cpu},
             {"memory", 2 << 20},
             {"leaving", false}},
            {{"pid", 13},
             {"service", "demo.train"},
             {"version", "cccccccccc"},
             {"calls", 1},
             {"uptime", 70},
             {"cpu", cpu},
             {"memory", 2 << 20},
             {"leaving", true}}}},
          {"zygotes", Json::array()}};
}

Json measured() {
  CpuMeter meter;
  (void)meter.measure(some_status(100, 1));
  return meter.measure(some_status(102, 2));
}

const Machine kMachine{.cpus = 4, .memory_bytes = 8ull << 30, .available_memory_bytes = 4ull << 30};

TEST(CpuMeter, MakesPercentsOfTwoLooks) {
  CpuMeter meter;
  const Json first = meter.measure(some_status(100, 1));
  EXPECT_EQ(first["workers"][1]["cpu_percent"], nullptr);
  const Json second = meter.measure(some_status(102, 2));
  EXPECT_EQ(second["cpu_percent"], 5.0);
  EXPECT_EQ(second["workers"][0]["cpu_percent"], 0.0);
  EXPECT_EQ(second["workers"][1]["cpu_percent"], 50.0);
}

TEST(CpuMeter, SaysNothingOfAProcessThatIsNewOrWhenNoTimeHasPassed) {
  CpuMeter meter;
  (void)meter.measure({{"uptime", 1}, {"workers", Json::array()}});
  EXPECT_EQ(meter.measure(some_status(2, 1))["workers"][0]["cpu_percent"], nullptr);
  EXPECT_EQ(meter.measure(some_status(2, 1))["workers"][0]["cpu_percent"], nullptr);
  EXPECT_EQ(meter.measure({{"workers", {7}}}), (Json{{"workers", {7}}, {"cpu_percent", nullptr}}));
}

TEST(TopReport, ShowsTheBusiestFirst) {
  EXPECT_EQ(top_report(measured(), kMachine, {}),
            "leanto 0.1.0, up 1m 42s, 10.0 MiB of memory, 5% CPU\n"
            "calls: 2 running, 5 waiting; 3 workers, 1 starting\n"
            "machine: 26% of 4 CPUs by leanto; 15.0 MiB by leanto, 4.0 GiB of 8.0 GiB free\n"
            "\n"
            "SERVICE     RUN  WAIT  WORKERS   CPU   MEMORY  VERSION\n"
            "demo.train    2     5        2  100%  4.0 MiB  cccccccc\n"
            "demo.add      0     0        1    0%  1.0 MiB  aaaaaaaa\n"
            "\n"
            "PID  WORKER OF   CALLS  CPU   MEMORY      UP  STATE\n"
            " 12  demo.train      1  50%  2.0 MiB  1m 10s  busy\n"
            " 13  demo.train      1  50%  2.0 MiB  1m 10s  leaving\n"
            " 11  demo.add        0   0%  1.0 MiB      5s  idle\n");
}

TEST(TopReport, IsNoWiderAndNoHigherThanTheScreen) {
  for (const std::size_t width : {std::size_t{20}, std::size_t{60}, std::size_t{200}}) {
    for (const std::size_t height : {std::size_t{5}, std::size_t{8}, std::size_t{50}}) {
      const std::string report = top_report(measured(), kMachine, {width, Colour::kNo, height});
      EXPECT_LE(static_cast<std::size_t>(std::count(report.begin(), report.end(), '\n')), height);
      for (std::size_t at = 0; at < report.size();) {
        const std::size_t end = report.find('\n', at);
        EXPECT_LE(display_width(report.substr(at, end - at)), width) << report;
        at = end + 1;
      }
    }
  }
}

TEST(TopReport, SaysHowManyLinesDoNotFit) {
  const std::string report = top_report(measured(), kMachine, {100, Colour::kNo, 8});
  EXPECT_TRUE(
      report.ends_with("demo.add      0     0        1    0%  1.0 MiB  aaaaaaaa\n"
                       "... 5 more lines\n"))
      << report;
}

TEST(TopReport, MakesDoWithAnEmptyAnswer) {
  const std::string report = top_report(Json::object(), std::nullopt, {});
  EXPECT_NE(report.find("No service has a worker"), std::string::npos) << report;
}

}  // namespace
}  // namespace leanto::cli
