// Keeps workers under their memory limits: the kernel does where it lets us make control groups;
// elsewhere (or where node.toml says so) their use is watched every 100 ms, and who is over the
// limit is killed.
//
// Either way it's known that the limit was the reason: the kernel counts what it kills, and what is
// killed here was measured. A worker that somebody kills otherwise has not run out of memory.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "net/loop.h"
#include "node/config.h"
#include "os/memory_cgroup.h"
#include "os/process_stat.h"

namespace leanto::node {

struct MemoryUse {
  std::uint64_t limit = 0;
  std::uint64_t current = 0;
  std::optional<std::uint64_t> peak;
  bool exceeded = false;

  friend bool operator==(const MemoryUse&, const MemoryUse&) = default;
};

// What one worker may use and does use.
class WorkerMemory {
 public:
  virtual ~WorkerMemory() = default;
  virtual MemoryUse use() const = 0;
};
using WorkerMemoryPtr = std::shared_ptr<WorkerMemory>;

class MemoryLimits {
 public:
  struct Parts {
    net::Loop& loop;
    const KernelFiles& files;
    std::function<std::vector<ProcessStat>()> list_processes;  // on the background thread
    std::unique_ptr<MemoryGroups> groups;                      // none: uses are measured
    std::string why_watched;                                   // why there are no groups
    Duration interval = std::chrono::milliseconds(100);        // between measurements
  };
  explicit MemoryLimits(Parts parts);
  // Kills what is left of the groups' processes, and removes the groups.
  ~MemoryLimits();

  // From now on the process and those that it starts may use this many bytes together. `kill` ends
  // them all; it's called at most once, and not after `release`.
  WorkerMemoryPtr hold(pid_t pid, std::uint64_t limit, std::function<void()> kill);
  // The same for a process that an earlier daemon held under this limit.
  WorkerMemoryPtr hold_again(pid_t pid, std::uint64_t limit, std::function<void()> kill);
  // The process has ended.
  void release(const WorkerMemoryPtr& memory);

  std::string description() const;  // "by cgroup v1 in /sys/fs/cgroup/memory/leanto-1"

 private:
  class Grouped;
  class Watched;

  std::shared_ptr<Grouped> watch_group(std::unique_ptr<MemoryGroup> group, std::uint64_t limit,
                                       std::function<void()> kill);
  std::shared_ptr<Grouped> hold_in_group(pid_t pid, std::uint64_t limit,
                                         std::function<void()> kill);
  net::Task<> remove(std::shared_ptr<Grouped> memory);
  net::Task<> measure();
  net::Task<> find_members();

  Parts parts_;
  std::vector<std::shared_ptr<Grouped>> grouped_;
  std::vector<std::shared_ptr<Watched>> watched_;
  bool measuring_ = false;
  bool finding_ = false;
};

// Decides which processes count as a worker's: it, its process group, and its descendants.
std::vector<pid_t> members_of(const std::vector<ProcessStat>& processes, pid_t worker);

// Opens the groups where that is possible, and remembers in `memory_file` where they are: groups
// that a killed daemon left behind are removed.
MemoryLimits::Parts make_memory_limits(net::Loop& loop, CgroupFiles& files, LimitBy by,
                                       const std::string& memory_file);

}  // namespace leanto::node
