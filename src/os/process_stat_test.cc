#include "os/process_stat.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>

#include "os/fake_kernel_files.h"
#include "os/process.h"

namespace leanto {
namespace {

constexpr const char* kLine =
    "42 (py) (x y) R 7 40 39 0 -1 4194304 96 0 0 0 250 50 0 0 20 0 1 0 12345 2625536 200 "
    "18446744\n";

TEST(ParseProcessStat, ReadsALineWhoseNameHoldsBrackets) {
  const auto stat = parse_process_stat(kLine);
  ASSERT_TRUE(stat.has_value()) << stat.error().message;
  EXPECT_EQ(*stat, (ProcessStat{.pid = 42,
                                .name = "py) (x y",
                                .state = 'R',
                                .parent = 7,
                                .group = 40,
                                .session = 39,
                                .cpu_ticks = 300,
                                .start_ticks = 12345}));
}

TEST(ParseProcessStat, RefusesEverythingElse) {
  for (const char* text : {"", "42", "42 (x", "42 (x) ", "42 (x) R 7", ") (", "x (y) R 1 2 3",
                           "42 (x) R a 40 39 0 -1 4194304 96 0 0 0 250 50 0 0 20 0 1 0 12345 0"}) {
    EXPECT_FALSE(parse_process_stat(text).has_value()) << text;
  }
}

TEST(CpuSeconds, DividesTicks) {
  FakeKernelFiles files;
  files.texts["/proc/42/stat"] = kLine;
  EXPECT_DOUBLE_EQ(*cpu_seconds(files, 42), 300.0 / static_cast<double>(::sysconf(_SC_CLK_TCK)));
  EXPECT_EQ(cpu_seconds(files, 43).error().kind, ErrorKind::kNotFound);
}

TEST(ProcessMemory, CountsPagesAndPssIfAsked) {
  FakeKernelFiles files;
  files.texts["/proc/42/statm"] = "1000 200 100 5 0 90 0\n";
  files.texts["/proc/42/smaps_rollup"] =
      "5581 [rollup]\nRss:  800 kB\nPss:                 400 kB\nPss_Anon: 1 kB\n";
  const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  EXPECT_EQ(process_memory(files, 42, MemoryDetail::kWithPss),
            (ProcessMemory{.rss_bytes = 200 * page, .pss_bytes = 400 * 1024}));
  EXPECT_EQ(process_memory(files, 42, MemoryDetail::kQuick)->pss_bytes, std::nullopt);
  files.texts.erase("/proc/42/smaps_rollup");  // not ours to read
  EXPECT_EQ(process_memory(files, 42, MemoryDetail::kWithPss)->pss_bytes, std::nullopt);
}

TEST(ProcessMemory, IsKnownOfThisProcess) {
  const auto memory = process_memory(SystemKernelFiles(), ::getpid(), MemoryDetail::kWithPss);
  ASSERT_TRUE(memory.has_value());
  EXPECT_GT(memory->rss_bytes, 100'000u);
  EXPECT_GT(memory->pss_bytes.value_or(1), 0u);
}

ProcessStat process(pid_t pid, pid_t parent) {
  ProcessStat stat;
  stat.pid = pid;
  stat.parent = parent;
  return stat;
}

TEST(MemoryPeak, IsWhatTheKernelSays) {
  FakeKernelFiles files;
  files.texts["/proc/42/status"] = "Name:\tpython\nVmPeak:\t  900 kB\nVmHWM:\t     300 kB\n";
  EXPECT_EQ(memory_peak(files, 42), 300u * 1024);
  EXPECT_EQ(memory_peak(files, 43), std::nullopt);
  EXPECT_GT(memory_peak(SystemKernelFiles(), ::getpid()).value_or(0), 0u);
}

TEST(Descendants, AreFoundThroughEveryGeneration) {
  const std::vector<ProcessStat> list{process(1, 0),   process(10, 1),  process(11, 10),
                                      process(12, 11), process(13, 10), process(20, 1)};
  EXPECT_EQ(children(list, 10), (std::vector<pid_t>{11, 13}));
  EXPECT_EQ(descendants(list, 10), (std::vector<pid_t>{11, 13, 12}));
  EXPECT_TRUE(descendants(list, 20).empty());
}

TEST(Descendants, EndEvenIfPidsWereReusedIntoARing) {
  const std::vector<ProcessStat> list{process(5, 6), process(6, 5), process(7, 7)};
  EXPECT_EQ(descendants(list, 5), (std::vector<pid_t>{6}));
  EXPECT_TRUE(descendants(list, 7).empty());
}

TEST(Processes, HoldThisProcessAndItsChild) {
  const auto child = spawn({.arguments = {"sleep", "1000"}});
  ASSERT_TRUE(child.has_value());
  const auto found = children(processes(), ::getpid());
  EXPECT_NE(std::find(found.begin(), found.end(), child->pid), found.end());
  EXPECT_EQ(send_signal(child->pidfd, SIGKILL), Delivery::kSent);
  EXPECT_TRUE(wait_until_exit(child->pid).has_value());
}

}  // namespace
}  // namespace leanto
