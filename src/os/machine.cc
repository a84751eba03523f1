#include "os/machine.h"

#include <algorithm>
#include <charconv>

namespace leanto {
namespace {

// "MemTotal:       16316412 kB", in bytes.
std::optional<std::uint64_t> find_kilobytes(std::string_view text, std::string_view key) {
  const auto start = text.find(key);
  if (start == std::string_view::npos) return std::nullopt;
  text.remove_prefix(start + key.size());
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || number > (std::uint64_t{1} << 50)) return std::nullopt;
  return number * 1024;
}

}  // namespace

Result<Machine> read_machine(const KernelFiles& files, const CgroupLayout& cgroups,
                             int usable_cpu_count) {
  const auto text = files.read("/proc/meminfo");
  if (!text) return Failure(text.error());
  const auto total = find_kilobytes(*text, "MemTotal:");
  const auto available = find_kilobytes(*text, "MemAvailable:");
  if (!total)
    return fail(ErrorKind::kProtocol, "/proc/meminfo does not say how much memory there is");
  const auto limit = memory_limit(files, cgroups).value_or(*total);
  const double cpus = usable_cpu_count;
  return Machine{.cpus = std::min(cpus, cpu_limit(files, cgroups).value_or(cpus)),
                 .memory_bytes = std::min(*total, limit),
                 .available_memory_bytes = std::min(available.value_or(*total), limit)};
}

}  // namespace leanto
