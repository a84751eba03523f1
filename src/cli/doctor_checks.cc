#include "cli/doctor_checks.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>

#include "cli/table_text.h"

namespace leanto::cli {

using wire::Json;

namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;
constexpr std::uint64_t kLittleSpace = 1024 * kMiB;
constexpr std::uint64_t kNoSpace = 50 * kMiB;
constexpr std::int64_t kFirstOf2025 = 1'735'689'600'000;
constexpr std::int64_t kMinute = 60'000;

std::string human(std::uint64_t bytes) { return human_size(static_cast<double>(bytes)); }

std::optional<std::uint64_t> read_number(const KernelFiles& files, const std::string& path) {
  const auto text = files.read(path);
  std::uint64_t number = 0;
  if (!text) return std::nullopt;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
  return error == std::errc() ? std::optional(number) : std::nullopt;
}

std::string painted(Verdict verdict, Colour colour) {
  const std::string word = fmt::format("{:<4}", name_of(verdict));
  switch (verdict) {
    case Verdict::kGood:
      return green(word, colour);
    case Verdict::kWarn:
      return yellow(word, colour);
    case Verdict::kFail:
      return red(word, colour);
    case Verdict::kInfo:
      break;
  }
  return word;
}

// Wrapped to the screen, all of it `indent` to the right; lines after the first `hanging` more.
std::string set_in(std::string_view text, const Screen& screen, std::size_t indent,
                   std::size_t hanging) {
  const std::size_t width = std::max<std::size_t>(screen.width, indent + hanging + 20) - indent;
  std::string out;
  for (const char c : wrapped(printable(text), width, hanging)) {
    out += c;
    if (c == '\n') out.append(indent, ' ');
  }
  return out + "\n";
}

}  // namespace

std::string_view name_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::kGood:
      return "ok";
    case Verdict::kInfo:
      return "info";
    case Verdict::kWarn:
      return "warn";
    case Verdict::kFail:
      return "fail";
  }
  return "";
}

Json checks_to_json(const std::vector<Check>& checks) {
  Json rows = Json::array();
  for (const Check& check : checks) {
    rows.push_back({{"name", check.name},
                    {"verdict", name_of(check.verdict)},
                    {"found", check.found},
                    {"advice", check.advice}});
  }
  return {{"healthy", !has_failure(checks)}, {"checks", rows}};
}

bool has_failure(const std::vector<Check>& checks) {
  return std::any_of(checks.begin(), checks.end(),
                     [](const Check& check) { return check.verdict == Verdict::kFail; });
}

std::string checks_report(const std::vector<Check>& checks, const Screen& screen) {
  std::size_t width = 0;
  for (const Check& check : checks) width = std::max(width, check.name.size());
  std::string out;
  for (const Check& check : checks) {
    const std::string line = fmt::format("{:<{}}  {}", check.name, width, check.found);
    out += painted(check.verdict, screen.colour) + "  " + set_in(line, screen, 6, width + 2);
    if (!check.advice.empty())
      out += std::string(6, ' ') + set_in("-> " + check.advice, screen, 6, 3);
  }
  const auto count = [&](Verdict verdict) {
    return std::count_if(checks.begin(), checks.end(),
                         [&](const Check& check) { return check.verdict == verdict; });
  };
  const auto warnings = count(Verdict::kWarn), failures = count(Verdict::kFail);
  if (warnings + failures == 0) return out + "\nNothing is wrong here.\n";
  return out + fmt::format("\n{}, {}.\n", counted(static_cast<double>(failures), "failure"),
                           counted(static_cast<double>(warnings), "warning"));
}

Check check_python(const Result<PythonFacts>& python) {
  const std::string advice =
      "install Python 3.9 or newer as python3; programs that bring their own interpreter run "
      "without it";
  if (!python) return {"python", Verdict::kFail, python.error().message, advice};
  const std::string found = fmt::format("{} ({})", python->version, python->program);
  const bool new_enough = python->major > 3 || (python->major == 3 && python->minor >= 9);
  if (!new_enough) return {"python", Verdict::kFail, found + ", too old", advice};
  return {"python", Verdict::kGood, found, ""};
}

Check check_package(const PythonFacts& python, std::string_view program_version) {
  if (python.leanto.empty())
    return {"package", Verdict::kInfo, "leanto is not installed for " + python.program, ""};
  if (python.leanto == program_version) return {"package", Verdict::kGood, python.leanto, ""};
  return {"package", Verdict::kWarn,
          fmt::format("{} for {}, and this program is {}", python.leanto, python.program,
                      program_version),
          "install both from one wheel, in the environment that you work in"};
}

Check check_directory(const DirectoryFacts& directory) {
  if (!directory.usable)
    return {directory.name, Verdict::kFail, directory.usable.error().message,
            "let it belong to you, or set the XDG variables to another place"};
  const std::string found = fmt::format("{} ({}, {} free)", directory.path, directory.filesystem,
                                        human(directory.free_bytes));
  if (directory.free_bytes < kNoSpace)
    return {directory.name, Verdict::kFail, found, "make room there: nothing can be written"};
  if (directory.free_bytes < kLittleSpace)
    return {directory.name, Verdict::kWarn, found,
            "make room there; `leanto images prune --dry-run` says what it could give back"};
  if (directory.remote)
    return {directory.name, Verdict::kWarn, found,
            "it's on another machine, where databases and inotify don't work well; set the XDG "
            "variables to a local place"};
  return {directory.name, Verdict::kGood, found, ""};
}

Check check_socket(SocketState state, const std::string& path, const std::string& why) {
  switch (state) {
    case SocketState::kNone:
      return {"node", Verdict::kGood, "not running; it starts on first use", ""};
    case SocketState::kServed:
      return {"node", Verdict::kGood, "running on " + path, ""};
    case SocketState::kStale:
      return {"node", Verdict::kWarn, path + " is left over: nobody listens there",
              "nothing: the next node replaces it"};
    case SocketState::kOther:
      break;
  }
  return {"node", Verdict::kFail, why, "look at `leanto logs --node`, or move " + path + " away"};
}

Check check_version(std::string_view program, const std::optional<std::string>& node) {
  const std::string found(program);
  if (!node || *node == program) return {"version", Verdict::kGood, found, ""};
  return {"version", Verdict::kWarn, found + ", and the node that runs is " + *node,
          "leanto restart --node"};
}

Check check_config(const Status& config, const std::string& path) {
  if (config) return {"node.toml", Verdict::kGood, path, ""};
  return {"node.toml", Verdict::kFail, config.error().message,
          "correct it: the next node doesn't start with it"};
}

std::vector<Check> check_schemas(const Result<std::vector<SchemaVersion>>& versions) {
  if (!versions)
    return {{"database", Verdict::kFail, versions.error().message,
             "move it away: what it holds is lost, and a new one is made"}};
  std::vector<Check> checks;
  for (const SchemaVersion& version : *versions) {
    const std::string found = fmt::format("schema {}", version.found);
    if (version.found <= version.newest) {
      checks.push_back({version.file, Verdict::kGood, found, ""});
    } else {
      checks.push_back({version.file, Verdict::kFail,
                        fmt::format("{}, and this program knows up to {}", found, version.newest),
                        "use the newer leanto that made it, or set XDG_STATE_HOME to another "
                        "directory"});
    }
  }
  return checks;
}

Check check_memory_limits(const CgroupLayout& cgroups, const std::optional<std::string>& said) {
  const std::string version(cgroup_version_name(cgroups.version));
  const std::string advice =
      "memory= is measured ten times a second and not enforced by the kernel; in a container, give "
      "it a writable cgroup, and with systemd: Delegate=yes";
  if (said) {
    const bool by_kernel = said->starts_with("by cgroup");
    return {"memory limits", by_kernel ? Verdict::kGood : Verdict::kWarn,
            fmt::format("cgroups {}; {}", version, *said), by_kernel ? "" : advice};
  }
  const bool possible = cgroups.memory && cgroups.memory->writable;
  if (possible)
    return {"memory limits", Verdict::kGood,
            fmt::format("cgroups {}; groups can be made in {}", version, cgroups.memory->directory),
            ""};
  return {"memory limits", Verdict::kWarn,
          fmt::format("cgroups {}; {}", version,
                      cgroups.memory ? cgroups.memory->directory + " is not writable"
                                     : "nothing there that limits memory"),
          advice};
}

Check check_inotify(const KernelFiles& files) {
  const auto watches = read_number(files, "/proc/sys/fs/inotify/max_user_watches");
  const auto instances = read_number(files, "/proc/sys/fs/inotify/max_user_instances");
  if (!watches || !instances)
    return {"inotify", Verdict::kWarn, "the kernel has none",
            "edits are found by looking at every file of a project, which takes longer"};
  const std::string found = fmt::format("{} watches, {} instances", *watches, *instances);
  if (*watches < 8192 || *instances < 16)
    return {
        "inotify", Verdict::kWarn, found,
        "raise them: sysctl fs.inotify.max_user_watches=65536 fs.inotify.max_user_instances=128"};
  return {"inotify", Verdict::kGood, found, ""};
}

Check check_open_files(std::uint64_t soft, std::uint64_t hard) {
  const std::string found = soft == hard ? fmt::format("at most {}", soft)
                                         : fmt::format("at most {} (could be {})", soft, hard);
  if (soft >= 1024) return {"open files", Verdict::kGood, found, ""};
  return {"open files", Verdict::kWarn, found,
          "each worker takes some ten: ulimit -n 4096 in the shell that starts the node"};
}

Check check_shared_memory(const std::optional<std::uint64_t>& bytes) {
  if (!bytes)
    return {"/dev/shm", Verdict::kWarn, "is not there",
            "multiprocessing and data loaders need it: mount -t tmpfs tmpfs /dev/shm"};
  if (*bytes > 64 * kMiB) return {"/dev/shm", Verdict::kGood, human(*bytes), ""};
  return {"/dev/shm", Verdict::kWarn, human(*bytes),
          "data loaders with workers need more; docker run --shm-size=2g"};
}

Check check_machine(const Result<Machine>& machine) {
  if (!machine) return {"machine", Verdict::kFail, machine.error().message, "mount /proc"};
  const std::string found =
      fmt::format("{:g} CPUs, {} of memory, {} free", machine->cpus, human(machine->memory_bytes),
                  human(machine->available_memory_bytes));
  if (machine->available_memory_bytes < 256 * kMiB)
    return {"machine", Verdict::kWarn, found, "little memory is free: workers may be killed"};
  return {"machine", Verdict::kGood, found, ""};
}

Check check_gpus(const std::vector<std::string>& kinds) {
  if (kinds.empty()) return {"gpus", Verdict::kInfo, "none seen", ""};
  std::vector<std::string> names;
  for (const std::string& kind : kinds) names.push_back(kind.empty() ? "a GPU" : kind);
  return {"gpus", Verdict::kGood, fmt::format("{}: {}", names.size(), fmt::join(names, ", ")), ""};
}

Check check_clock(std::int64_t now, const std::optional<std::int64_t>& changed) {
  const std::string found = human_time(now);
  if (now < kFirstOf2025)
    return {"clock", Verdict::kFail, found + " is long ago",
            "set the clock; TLS, tokens and the "
            "times of runs depend on it"};
  if (changed && *changed > now + kMinute)
    return {"clock", Verdict::kWarn,
            fmt::format("{}, and a file of ours was changed at {}", found, human_time(*changed)),
            "the clock went back; set it, or the order of runs is not that of their times"};
  return {"clock", Verdict::kGood, found, ""};
}

Check check_tool(std::string name, const std::optional<std::string>& path, std::string_view use) {
  if (path) return {std::move(name), Verdict::kInfo, *path, ""};
  return {std::move(name), Verdict::kInfo, fmt::format("not in PATH ({})", use), ""};
}

}  // namespace leanto::cli
