// Which kind of control groups this machine has, and where ours is: detection only, from
// /proc/self/mountinfo, /proc/self/cgroup and /sys/fs/cgroup. Most machines have version 2; older
// ones have version 1, some both side by side, containers often neither.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "os/kernel_files.h"

namespace leanto {

enum class CgroupHierarchy { kV1, kV2 };

// Where one controller is: the directory of this process's own group.
struct CgroupHome {
  CgroupHierarchy hierarchy = CgroupHierarchy::kV2;
  std::string mount;      // the hierarchy's top, as far as this process can see it
  std::string directory;  // `mount` or below it
  bool writable = false;  // groups can be made in `directory`

  friend bool operator==(const CgroupHome&, const CgroupHome&) = default;
};

// What memory and pids are controlled with. kHybrid: by version 1, with a version 2 hierarchy
// beside it that has no such controller but can kill and freeze.
enum class CgroupVersion { kNone, kV1, kV2, kHybrid };

struct CgroupLayout {
  CgroupVersion version = CgroupVersion::kNone;
  std::optional<CgroupHome> memory;
  std::optional<CgroupHome> pids;
  std::optional<CgroupHome> cpu;
  std::optional<CgroupHome>
      unified;  // the version 2 hierarchy, whatever its controllers: cgroup.kill

  friend bool operator==(const CgroupLayout&, const CgroupLayout&) = default;
};

// A file that cannot be read, or makes no sense, counts as "no such thing here".
CgroupLayout detect_cgroups(const KernelFiles& files);

std::string_view cgroup_version_name(CgroupVersion version);  // "none", "v1", "v2", "hybrid"
std::string describe(const CgroupLayout& layout);             // one line for `leanto status`

// The least memory limit of this process's group and the groups above it that can be seen, in
// bytes, and the least limit of processor time, in processors. Absent: no limit.
std::optional<std::uint64_t> memory_limit(const KernelFiles& files, const CgroupLayout& layout);
std::optional<double> cpu_limit(const KernelFiles& files, const CgroupLayout& layout);

}  // namespace leanto
