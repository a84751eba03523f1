#include "os/process_stat.h"

#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>
#include <set>

namespace leanto {
namespace {

template <typename T>
std::optional<T> parse_number(std::string_view text) {
  T number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// The fields after the name; proc(5) numbers them from 3.
constexpr int kFirstField = 3;
constexpr int kState = 3, kParent = 4, kGroup = 5, kSession = 6;
constexpr int kUserTicks = 14, kSystemTicks = 15, kStartTicks = 22;
using Fields = std::array<std::string_view, kStartTicks - kFirstField + 1>;

std::optional<Fields> split(std::string_view text) {
  Fields fields;
  for (std::string_view& field : fields) {
    const auto end = std::min(text.find(' '), text.size());
    field = text.substr(0, end);
    if (field.empty()) return std::nullopt;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return fields;
}

template <typename T>
std::optional<T> number_at(const Fields& fields, int field) {
  return parse_number<T>(fields[static_cast<std::size_t>(field - kFirstField)]);
}

// "Pss:    123 kB" among the lines of smaps_rollup, in bytes.
std::optional<std::uint64_t> find_kilobytes(std::string_view text, std::string_view key) {
  const auto start = text.find(key);
  if (start == std::string_view::npos) return std::nullopt;
  text.remove_prefix(start + key.size());
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
  const auto number = parse_number<std::uint64_t>(text.substr(0, text.find(' ')));
  return number ? std::optional(*number * 1024) : std::nullopt;
}

std::string proc_path(pid_t pid, std::string_view file) {
  return fmt::format("/proc/{}/{}", pid, file);
}

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

}  // namespace

Result<ProcessStat> parse_process_stat(std::string_view text) {
  const auto open = text.find(" (");
  const auto close = text.rfind(") ");
  const Failure not_a_stat =
      fail(ErrorKind::kProtocol, "\"{}\" is no line of /proc/PID/stat", text.substr(0, 64));
  if (open == std::string_view::npos || close == std::string_view::npos || close < open + 2) {
    return not_a_stat;
  }
  const auto fields = split(text.substr(close + 2));
  const auto pid = parse_number<pid_t>(text.substr(0, open));
  if (!fields || !pid) return not_a_stat;
  const auto parent = number_at<pid_t>(*fields, kParent);
  const auto group = number_at<pid_t>(*fields, kGroup);
  const auto session = number_at<pid_t>(*fields, kSession);
  const auto user = number_at<std::uint64_t>(*fields, kUserTicks);
  const auto system = number_at<std::uint64_t>(*fields, kSystemTicks);
  const auto start =
      parse_number<std::uint64_t>(fields->back().substr(0, fields->back().find('\n')));
  if (!parent || !group || !session || !user || !system || !start) return not_a_stat;
  return ProcessStat{.pid = *pid,
                     .name = std::string(text.substr(open + 2, close - open - 2)),
                     .state = (*fields)[kState - kFirstField].front(),
                     .parent = *parent,
                     .group = *group,
                     .session = *session,
                     .cpu_ticks = *user + *system,
                     .start_ticks = *start};
}

Result<ProcessStat> process_stat(const KernelFiles& files, pid_t pid) {
  const auto text = files.read(proc_path(pid, "stat"));
  if (!text) return Failure(text.error());
  return parse_process_stat(*text);
}

Result<double> cpu_seconds(const KernelFiles& files, pid_t pid) {
  const auto stat = process_stat(files, pid);
  if (!stat) return Failure(stat.error());
  return static_cast<double>(stat->cpu_ticks) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

Result<ProcessMemory> process_memory(const KernelFiles& files, pid_t pid, MemoryDetail detail) {
  const auto text = files.read(proc_path(pid, "statm"));
  if (!text) return Failure(text.error());
  std::string_view rest = *text;
  rest.remove_prefix(std::min(rest.find(' ') + 1, rest.size()));
  const auto pages = parse_number<std::uint64_t>(rest.substr(0, rest.find(' ')));
  if (!pages) return fail(ErrorKind::kProtocol, "\"{}\" is no /proc/{}/statm", *text, pid);
  ProcessMemory memory{.rss_bytes = *pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)),
                       .pss_bytes = std::nullopt};
  if (detail == MemoryDetail::kWithPss) {
    const auto rollup = files.read(proc_path(pid, "smaps_rollup"));
    if (rollup) memory.pss_bytes = find_kilobytes(*rollup, "\nPss:");
  }
  return memory;
}

std::optional<std::uint64_t> memory_peak(const KernelFiles& files, pid_t pid) {
  const auto status = files.read(proc_path(pid, "status"));
  return status ? find_kilobytes(*status, "\nVmHWM:") : std::nullopt;
}

std::vector<ProcessStat> processes() {
  std::vector<ProcessStat> found;
  const SystemKernelFiles files;
  const std::unique_ptr<DIR, CloseDirectory> directory(::opendir("/proc"));
  while (directory != nullptr) {
    const dirent* const entry = ::readdir(directory.get());
    if (entry == nullptr) break;
    const auto pid = parse_number<pid_t>(entry->d_name);
    if (!pid) continue;
    if (auto stat = process_stat(files, *pid)) found.push_back(*std::move(stat));
  }
  std::sort(found.begin(), found.end(),
            [](const ProcessStat& a, const ProcessStat& b) { return a.pid < b.pid; });
  return found;
}

std::vector<pid_t> children(const std::vector<ProcessStat>& processes, pid_t pid) {
  std::vector<pid_t> found;
  for (const ProcessStat& process : processes) {
    if (process.parent == pid && process.pid != pid) found.push_back(process.pid);
  }
  return found;
}

std::vector<pid_t> descendants(const std::vector<ProcessStat>& processes, pid_t pid) {
  std::vector<pid_t> found = children(processes, pid);
  std::set<pid_t> seen(found.begin(), found.end());
  for (std::size_t next = 0; next < found.size(); ++next) {
    for (const pid_t child : children(processes, found[next])) {
      if (child != pid && seen.insert(child).second) found.push_back(child);
    }
  }
  return found;
}

}  // namespace leanto
