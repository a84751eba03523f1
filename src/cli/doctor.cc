// `leanto doctor`: looks at this machine, and says what is wrong and what to do. It starts nothing
// and changes nothing.
#include <fmt/format.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/doctor_checks.h"
#include "cli/doctor_facts.h"
#include "cli/report.h"

namespace leanto::cli {

namespace {

void append(std::vector<Check>& checks, std::vector<Check> more) {
  checks.insert(checks.end(), more.begin(), more.end());
}

std::vector<Check> check_own_files() {
  const Result<Directories> directories = find_directories(find_environment_variable);
  if (!directories)
    return {{"directories", Verdict::kFail, directories.error().message, "export HOME=..."}};
  std::vector<Check> checks;
  for (const DirectoryFacts& facts : look_at_directories(*directories))
    checks.push_back(check_directory(facts));
  const std::string config = directories->node_config().string();
  checks.push_back(check_config(look_at_config(*directories), config));
  append(checks, check_schemas(read_schema_versions(directories->state)));
  const NodeFacts node = look_at_node(*directories);
  checks.push_back(check_socket(node.socket, directories->socket().string(), node.why));
  checks.push_back(check_version(kVersion, node.version));
  checks.push_back(check_clock(now_ms(), last_change(*directories)));
  checks.push_back(check_memory_limits(detect_cgroups(SystemKernelFiles()), node.memory_limits));
  return checks;
}

std::vector<Check> check_all() {
  std::vector<Check> checks;
  const Result<PythonFacts> python = look_at_python();
  checks.push_back(check_python(python));
  if (python) checks.push_back(check_package(*python, kVersion));
  append(checks, check_own_files());
  const OpenFiles files = look_at_open_files();
  checks.push_back(check_inotify(SystemKernelFiles()));
  checks.push_back(check_open_files(files.soft, files.hard));
  checks.push_back(check_shared_memory(size_of_shared_memory()));
  checks.push_back(check_machine(look_at_machine()));
  checks.push_back(check_gpus(look_at_gpus()));
  checks.push_back(check_tool("git", find_in_path("git"), "not needed"));
  checks.push_back(check_tool("uv", find_in_path("uv"), "images are built by pip without it"));
  checks.push_back(check_tool("ssh", find_in_path("ssh"), "for nodes on other machines"));
  return checks;
}

}  // namespace

void add_doctor(CLI::App& app) {
  CLI::App* command =
      app.add_subcommand("doctor", "Check this machine, and say what to do about what is wrong");
  command->footer(
      "Example:\n  leanto doctor --json | jq '.checks[] | select(.verdict == \"fail\")'\n\n"
      "It starts no node and changes nothing. Exits with 1 if something fails, and with 0 if\n"
      "there are only warnings.");
  CLI::Option* json = add_json_flag(*command);
  on_run(*command, [json] {
    const std::vector<Check> checks = check_all();
    if (format_of(json) == Format::kJson) {
      print_json(checks_to_json(checks));
    } else {
      fmt::print("{}", checks_report(checks, screen_of(STDOUT_FILENO)));
    }
    return has_failure(checks) ? kFailed : kOk;
  });
}

}  // namespace leanto::cli
