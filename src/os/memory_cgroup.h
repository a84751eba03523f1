// Control groups with a memory limit, one for each worker. Where the kernel doesn't let us make
// such groups there are none, and `open_memory_groups` says why.
//
//   version 1   below our own group; the kernel kills one process of the worker's, and
//               `take_oom_event` tells, so that the rest can be killed, too
//   version 2   beside our own group, or below it if nobody else is in it, since a group has either
//               processes or groups; the kernel kills the whole group (memory.oom.group)
#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "os/cgroup.h"
#include "os/cgroup_files.h"

namespace leanto {

struct GroupMemory {
  std::uint64_t current = 0;
  std::optional<std::uint64_t> peak;
  int oom_kills = 0;  // of its processes, by the kernel, because of the limit

  friend bool operator==(const GroupMemory&, const GroupMemory&) = default;
};

class MemoryGroup {
 public:
  virtual ~MemoryGroup() = default;

  // The process, with all its threads; what it has allocated so far stays where it was charged.
  virtual Status add(pid_t pid) = 0;
  virtual std::vector<pid_t> processes() const = 0;
  virtual GroupMemory read() const = 0;
  // Becomes readable when the group has met its limit. None: the kernel ends the whole group.
  virtual UniqueFd take_oom_event() = 0;
  // kCapacity while there are processes in it.
  virtual Status remove() = 0;
};

class MemoryGroups {
 public:
  virtual ~MemoryGroups() = default;

  // `limit` in bytes. Swapping counts, or isn't allowed.
  virtual Result<std::unique_ptr<MemoryGroup>> make(const std::string& name,
                                                    std::uint64_t limit) = 0;
  // One that an earlier process made, with what is in it. kNotFound.
  virtual Result<std::unique_ptr<MemoryGroup>> find(const std::string& name) = 0;
  virtual std::string directory() const = 0;
  virtual CgroupHierarchy hierarchy() const = 0;
};

// `name`: of the directory for all of them. `files` must outlive the groups. `self` is this
// process: under version 2 it may have to move.
Result<std::unique_ptr<MemoryGroups>> open_memory_groups(CgroupFiles& files,
                                                         const CgroupLayout& layout,
                                                         const std::string& name, pid_t self);

// Removes the groups in a directory of an earlier process that have no processes any more, and the
// directory itself if it's empty then.
void remove_empty_groups(CgroupFiles& files, const std::string& directory);

}  // namespace leanto
