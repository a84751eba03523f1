// What /proc says about processes: memory, processor time, who is whose child.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "os/kernel_files.h"

namespace leanto {

// One line of /proc/PID/stat, the fields in use.
struct ProcessStat {
  pid_t pid = 0;
  std::string name;
  char state = '?';
  pid_t parent = 0;
  pid_t group = 0;
  pid_t session = 0;
  std::uint64_t cpu_ticks = 0;    // user and system
  std::uint64_t start_ticks = 0;  // since boot; with the pid it names a process for good

  friend bool operator==(const ProcessStat&, const ProcessStat&) = default;
};

// kProtocol when it is not such a line. The name may hold anything, brackets and newlines too.
Result<ProcessStat> parse_process_stat(std::string_view text);

// kNotFound when the process is gone.
Result<ProcessStat> process_stat(const KernelFiles& files, pid_t pid);
Result<double> cpu_seconds(const KernelFiles& files, pid_t pid);

struct ProcessMemory {
  std::uint64_t rss_bytes = 0;  // resident, shared pages in full
  std::optional<std::uint64_t>
      pss_bytes;  // shared pages divided by their users; not always allowed

  friend bool operator==(const ProcessMemory&, const ProcessMemory&) = default;
};

enum class MemoryDetail { kQuick, kWithPss };  // PSS walks the page tables: about 1 ms a GB

Result<ProcessMemory> process_memory(const KernelFiles& files, pid_t pid, MemoryDetail detail);

// The most that was resident at once since it began.
std::optional<std::uint64_t> memory_peak(const KernelFiles& files, pid_t pid);

// Every process there is, in the order of their pids. One system call or three for each.
std::vector<ProcessStat> processes();

// Decides from a list, so that one list answers many questions. Parents come before children, `pid`
// itself is not among them.
std::vector<pid_t> children(const std::vector<ProcessStat>& processes, pid_t pid);
std::vector<pid_t> descendants(const std::vector<ProcessStat>& processes, pid_t pid);

}  // namespace leanto
