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
//   [values]                      # that are kept here, or large and on their way
//   memory = "4GiB"               # for them; absent: a quarter of the machine's
//   over_memory = "refuse"        # what doesn't fit, instead of "disk", which is the default
//   disk = "100GB"                # for those; absent: half of what is free at the start
//   [logs]
//   max_size = "64MB"             # kept of one service, and of one run
//   [runs]
//   keep = "7d"                   # how long ended ones are kept, with their keys, results and logs
//   max_count = 100000            # how many
//   max_size = "4GB"              # and how much of them in all
//   max_value_size = "1GiB"       # the arguments or the result of one
//   [ssh]
//   command = ["ssh", "-F", "/etc/team/ssh"]  # how other hosts are reached; "ssh" if not said
//   [http]
//   listen = "127.0.0.1:8080"     # besides the Unix socket; who asks there needs a token. An
//   address
//                                 # that other machines reach ("0.0.0.0:7433") speaks TLS
//   origins = ["https://app.org"] # whose pages may ask, in a browser
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "node/value_budget.h"
#include "os/tcp_socket.h"
#include "provider/requirements.h"
#include "store/run_record.h"
#include "store/source_index.h"

namespace leanto {

struct HttpConfig {
  std::optional<TcpAddress> listen;
  std::vector<std::string> origins;

  friend bool operator==(const HttpConfig&, const HttpConfig&) = default;
};

struct ValuesConfig {
  std::optional<std::uint64_t> memory_bytes;
  node::OverMemory over_memory = node::OverMemory::kToDisk;
  std::optional<std::uint64_t> disk_bytes;

  friend bool operator==(const ValuesConfig&, const ValuesConfig&) = default;
};

// kGroups: by the kernel's control groups, where it lets us make some; else as with kWatching.
enum class LimitBy { kGroups, kWatching };

struct NodeConfig {
  AcceleratorCounts accelerators;
  std::optional<double> price_per_hour;
  std::uint64_t max_frame_bytes = std::uint64_t{16} << 30;
  SnapshotLimits snapshots;
  Duration worker_idle_timeout = std::chrono::minutes(10);
  LimitBy memory_limits = LimitBy::kGroups;
  ValuesConfig values;
  std::uint64_t max_log_bytes = 64'000'000;
  RunRetention runs;
  std::uint64_t max_run_value_bytes = std::uint64_t{1} << 30;
  HttpConfig http;
  std::vector<std::string> ssh_command{"ssh"};

  friend bool operator==(const NodeConfig&, const NodeConfig&) = default;
};

// kInvalid with `path`, the line, what is wrong there and what would be right.
Result<NodeConfig> parse_node_config(std::string_view text, const std::string& path);

// Defaults if there is no such file.
Result<NodeConfig> load_node_config(const std::filesystem::path& path);

}  // namespace leanto
