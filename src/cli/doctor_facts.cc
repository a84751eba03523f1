#include "cli/doctor_facts.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <map>

#include "base/usable_cpus.h"
#include "cli/node_questions.h"
#include "node/config.h"
#include "os/command_output.h"
#include "os/files.h"
#include "os/gpus.h"
#include "os/process.h"

namespace leanto::cli {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

namespace {

constexpr auto kPythonLimit = 10s;
constexpr Duration kNodeLimit = 5s;

constexpr const char* kAboutPython = R"(
import sys
print(sys.version_info[0], sys.version_info[1], sep="\n")
print(".".join(map(str, sys.version_info[:3])))
print(sys.executable)
try:
    import leanto
    print(leanto.__version__)
except Exception:
    print()
)";

// The names of file systems that people know, by the kernel's magic numbers.
struct FileSystem {
  std::string name;
  bool remote = false;
};

FileSystem file_system_of(const fs::path& path) {
  static const std::map<std::uint32_t, FileSystem> kKnown{
      {0xEF53, {"ext4", false}},        {0x58465342, {"xfs", false}},
      {0x9123683E, {"btrfs", false}},   {0x01021994, {"tmpfs", false}},
      {0x794C7630, {"overlay", false}}, {0x2FC12FC1, {"zfs", false}},
      {0xF2F52010, {"f2fs", false}},    {0x6969, {"nfs", true}},
      {0xFF534D42, {"cifs", true}},     {0xFE534D42, {"smb", true}},
      {0x65735546, {"fuse", true}},     {0x01021997, {"9p", true}},
      {0x00C36400, {"ceph", true}},     {0x0BD00BD0, {"lustre", true}},
      {0x47504653, {"gpfs", true}},
  };
  struct statfs found{};
  if (::statfs(path.c_str(), &found) != 0) return {"unknown"};
  const auto magic = static_cast<std::uint32_t>(found.f_type);
  const auto known = kKnown.find(magic);
  return known == kKnown.end() ? FileSystem{fmt::format("type {:#x}", magic)} : known->second;
}

// The directory itself, or the nearest one above it that is there.
fs::path nearest_existing(fs::path path) {
  std::error_code error;
  while (!fs::exists(path, error) && path.has_parent_path() && path != path.parent_path())
    path = path.parent_path();
  return path;
}

Status check_usable(const fs::path& path) {
  const fs::path existing = nearest_existing(path);
  if (existing == path) return create_private_directory(path);  // which is there: it's looked at
  if (::access(existing.c_str(), W_OK | X_OK) == 0) return {};
  return fail_errno(ErrorKind::kAccessDenied, errno,
                    fmt::format("making {} in {}", path.string(), existing.string()));
}

DirectoryFacts look_at(std::string name, const fs::path& path) {
  DirectoryFacts facts{std::move(name), path.string(), check_usable(path), 0, {}, false};
  const fs::path existing = nearest_existing(path);
  struct statvfs space{};
  if (::statvfs(existing.c_str(), &space) == 0)
    facts.free_bytes = std::uint64_t{space.f_bavail} * space.f_frsize;
  const FileSystem system = file_system_of(existing);
  facts.filesystem = system.name;
  facts.remote = system.remote;
  if (facts.usable && ::access(existing.c_str(), W_OK) != 0)
    facts.usable = fail_errno(ErrorKind::kAccessDenied, errno, "writing in " + existing.string());
  return facts;
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

}  // namespace

Result<PythonFacts> look_at_python() {
  const Result<std::string> output = output_of({"python3", "-c", kAboutPython}, kPythonLimit);
  if (!output) return Failure(output.error());
  const std::vector<std::string> lines = lines_of(*output);
  if (lines.size() < 4)
    return fail(ErrorKind::kProtocol, "python3 doesn't start; run it to see what it says");
  return PythonFacts{lines[3], std::atoi(lines[0].c_str()), std::atoi(lines[1].c_str()), lines[2],
                     lines.size() > 4 ? lines[4] : ""};
}

std::vector<DirectoryFacts> look_at_directories(const Directories& directories) {
  return {look_at("config", directories.config), look_at("state", directories.state),
          look_at("cache", directories.cache)};
}

Status look_at_config(const Directories& directories) {
  const Result<NodeConfig> config = load_node_config(directories.node_config());
  if (!config) return Failure(config.error());
  return {};
}

NodeFacts look_at_node(const Directories& directories) {
  NodeFacts facts;
  const std::string path = directories.socket().string();
  Result<Connection> connection = Connection::open(path, kNodeLimit);
  if (!connection) {
    const bool nobody = connection.error().kind == ErrorKind::kNotFound;
    const bool left_over = nobody && stat_path(path).has_value();
    facts.socket = left_over ? SocketState::kStale
                   : nobody  ? SocketState::kNone
                             : SocketState::kOther;
    facts.why = connection.error().message;
    return facts;
  }
  const Result<wire::Json> status = ask_for_status(*connection);
  if (!status) {
    facts.socket = SocketState::kOther;
    facts.why = status.error().message;
    return facts;
  }
  facts.socket = SocketState::kServed;
  facts.version = wire::find_string(*status, "version");
  facts.memory_limits = wire::find_string(*status, "memory_limits");
  return facts;
}

OpenFiles look_at_open_files() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return {};
  return {limit.rlim_cur, limit.rlim_max};
}

std::optional<std::uint64_t> size_of_shared_memory() {
  struct statvfs space{};
  if (::statvfs("/dev/shm", &space) != 0) return std::nullopt;
  return std::uint64_t{space.f_blocks} * space.f_frsize;
}

Result<Machine> look_at_machine() {
  const SystemKernelFiles files;
  return read_machine(files, detect_cgroups(files), usable_cpus());
}

std::vector<std::string> look_at_gpus() {
  std::vector<std::string> kinds;
  for (FoundGpu& gpu : find_gpus()) kinds.push_back(std::move(gpu.kind));
  return kinds;
}

std::optional<std::int64_t> last_change(const Directories& directories) {
  const auto found = stat_path((directories.state / "ledger.sqlite").string());
  if (!found) return std::nullopt;
  return found->mtime_ns / 1'000'000;
}

std::optional<std::string> find_in_path(const std::string& program) {
  const std::string path =
      find_environment_variable("PATH").value_or("/usr/local/bin:/usr/bin:/bin");
  std::string_view rest = path;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find(':'), rest.size());
    const std::string candidate = std::string(rest.substr(0, end)) + "/" + program;
    if (end > 0 && ::access(candidate.c_str(), X_OK) == 0) return candidate;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return std::nullopt;
}

}  // namespace leanto::cli
