// What `leanto doctor` makes of what it finds: plain functions from facts to verdicts, so that each
// can be tested with a machine that isn't there.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "cli/report.h"
#include "os/cgroup.h"
#include "os/kernel_files.h"
#include "os/machine.h"
#include "store/schema_version.h"

namespace leanto::cli {

// kWarn: it works, but less well; kFail: something of Leanto doesn't work.
enum class Verdict { kGood, kInfo, kWarn, kFail };

struct Check {
  std::string name;
  Verdict verdict = Verdict::kGood;
  std::string found;
  std::string advice;  // what to do next; empty: nothing

  friend bool operator==(const Check&, const Check&) = default;
};

std::string_view name_of(Verdict verdict);  // "ok", "info", "warn", "fail"
wire::Json checks_to_json(const std::vector<Check>& checks);
std::string checks_report(const std::vector<Check>& checks, const Screen& screen);
bool has_failure(const std::vector<Check>& checks);

// What the python3 of PATH says about itself.
struct PythonFacts {
  std::string program;
  int major = 0;
  int minor = 0;
  std::string version;
  std::string leanto;  // the package's version; empty: it's not installed there
};
Check check_python(const Result<PythonFacts>& python);
Check check_package(const PythonFacts& python, std::string_view program_version);

struct DirectoryFacts {
  std::string name;  // "state"
  std::string path;
  Status usable;  // or could be made
  std::uint64_t free_bytes = 0;
  std::string filesystem;
  bool remote = false;  // on another machine
};
Check check_directory(const DirectoryFacts& directory);

enum class SocketState { kNone, kStale, kServed, kOther };
Check check_socket(SocketState state, const std::string& path, const std::string& why = {});
// `node`: its version; none: it doesn't run.
Check check_version(std::string_view program, const std::optional<std::string>& node);
Check check_config(const Status& config, const std::string& path);
std::vector<Check> check_schemas(const Result<std::vector<SchemaVersion>>& versions);

// `said`: by the node that runs.
Check check_memory_limits(const CgroupLayout& cgroups, const std::optional<std::string>& said);
Check check_inotify(const KernelFiles& files);
Check check_open_files(std::uint64_t soft, std::uint64_t hard);
Check check_shared_memory(const std::optional<std::uint64_t>& bytes);
Check check_machine(const Result<Machine>& machine);
Check check_gpus(const std::vector<std::string>& kinds);
// `now`, and when a file of ours was changed last: both in ms since 1970.
Check check_clock(std::int64_t now, const std::optional<std::int64_t>& changed);
// A program that is good to have, but nothing depends on it.
Check check_tool(std::string name, const std::optional<std::string>& path, std::string_view use);

}  // namespace leanto::cli
