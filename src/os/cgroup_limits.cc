#include <algorithm>
#include <charconv>

#include "os/cgroup.h"

namespace leanto {
namespace {

// Version 1 says "no limit" with a number near 2^63.
constexpr std::uint64_t kUnlimited = std::uint64_t{1} << 60;

std::optional<std::int64_t> parse_number(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end != text.data() ? std::optional(number) : std::nullopt;
}

std::optional<std::int64_t> read_number(const KernelFiles& files, const std::string& path) {
  const auto text = files.read(path);
  return text ? parse_number(*text) : std::nullopt;  // "max" is no number: no limit
}

std::optional<std::uint64_t> memory_limit_at(const KernelFiles& files, const CgroupHome& home,
                                             const std::string& directory) {
  const bool v2 = home.hierarchy == CgroupHierarchy::kV2;
  const auto number =
      read_number(files, directory + (v2 ? "/memory.max" : "/memory.limit_in_bytes"));
  if (!number || *number < 0) return std::nullopt;
  const auto bytes = static_cast<std::uint64_t>(*number);
  return bytes < kUnlimited ? std::optional(bytes) : std::nullopt;
}

struct Quota {
  std::optional<std::int64_t> microseconds;
  std::optional<std::int64_t> period;
};

Quota read_quota(const KernelFiles& files, const CgroupHome& home, const std::string& directory) {
  if (home.hierarchy == CgroupHierarchy::kV1) {
    return {read_number(files, directory + "/cpu.cfs_quota_us"),
            read_number(files, directory + "/cpu.cfs_period_us")};
  }
  const std::string text = files.read(directory + "/cpu.max").value_or("");
  const auto space = std::min(text.find(' '), text.size());
  const std::string_view period = std::string_view(text).substr(std::min(space + 1, text.size()));
  return {parse_number(std::string_view(text).substr(0, space)), parse_number(period)};
}

std::optional<double> cpu_limit_at(const KernelFiles& files, const CgroupHome& home,
                                   const std::string& directory) {
  const Quota quota = read_quota(files, home, directory);
  if (quota.microseconds.value_or(-1) <= 0 || quota.period.value_or(0) <= 0) return std::nullopt;
  return static_cast<double>(*quota.microseconds) / static_cast<double>(*quota.period);
}

// The least of what `limit_at` says for the group's directory and those above it, up to the mount.
template <typename LimitAt>
auto least_limit(const KernelFiles& files, const std::optional<CgroupHome>& home, LimitAt limit_at)
    -> decltype(limit_at(files, *home, std::string())) {
  decltype(limit_at(files, *home, std::string())) least;
  if (!home) return least;
  std::string directory = home->directory;
  for (;;) {
    const auto limit = limit_at(files, *home, directory);
    if (limit && (!least || *limit < *least)) least = limit;
    if (directory.size() <= home->mount.size()) return least;
    directory.resize(directory.rfind('/'));
  }
}

}  // namespace

std::optional<std::uint64_t> memory_limit(const KernelFiles& files, const CgroupLayout& layout) {
  return least_limit(files, layout.memory, memory_limit_at);
}

std::optional<double> cpu_limit(const KernelFiles& files, const CgroupLayout& layout) {
  return least_limit(files, layout.cpu, cpu_limit_at);
}

}  // namespace leanto
