// What the owner of a machine says about it: node.toml. A file that isn't there says nothing, and
// every key has a default. A key nobody knows is an error: a misspelt limit must not pass for one
// that is set.
//
//   accelerators = {A10G = 1}     # kinds and how many; not detected
//   price_per_hour = 1.21         # absent: the machine costs nothing more
//   max_frame_size = "16GiB"      # the largest value in one message
//   [snapshots]
//   max_files = 50000
//   max_size = "512MB"
//   [workers]
//   idle_timeout = "10m"          # then a worker without calls ends
//   memory_limits = "watched"     # not by control groups, which is "cgroup", the default
//   [values]
//   shared_memory = "4GiB"        # for large values on their way; absent: a quarter of the memory
//   [logs]
//   max_size = "64MB"             # kept of one run
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "provider/requirements.h"
#include "store/source_index.h"

namespace leanto {

// kGroups: by the kernel's control groups, where it lets us make some; else as with kWatching.
enum class LimitBy { kGroups, kWatching };

struct NodeConfig {
  AcceleratorCounts accelerators;
  std::optional<double> price_per_hour;
  std::uint64_t max_frame_bytes = std::uint64_t{16} << 30;
  SnapshotLimits snapshots;
  Duration worker_idle_timeout = std::chrono::minutes(10);
  LimitBy memory_limits = LimitBy::kGroups;
  std::optional<std::uint64_t> shared_memory_bytes;
  std::uint64_t max_log_bytes = 64'000'000;

  friend bool operator==(const NodeConfig&, const NodeConfig&) = default;
};

// kInvalid with `path`, the line, what is wrong there and what would be right.
Result<NodeConfig> parse_node_config(std::string_view text, const std::string& path);

// Defaults if there is no such file.
Result<NodeConfig> load_node_config(const std::filesystem::path& path);

}  // namespace leanto
