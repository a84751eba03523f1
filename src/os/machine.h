// How much this machine has for us: processors and memory, less what cgroups and affinity take
// away.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/result.h"
#include "os/cgroup.h"
#include "os/kernel_files.h"

namespace leanto {

struct Machine {
  double cpus = 0;  // may be a fraction under a cgroup's quota
  std::uint64_t memory_bytes = 0;
  std::uint64_t available_memory_bytes = 0;  // without swapping, as the kernel estimates it

  friend bool operator==(const Machine&, const Machine&) = default;
};

// Decides from what the kernel says; kProtocol when /proc/meminfo makes no sense.
Result<Machine> read_machine(const KernelFiles& files, const CgroupLayout& cgroups,
                             int usable_cpu_count);

}  // namespace leanto
