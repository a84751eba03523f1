#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <string_view>
#include <vector>

#include "base/nearest.h"
#include "cli/command.h"
#include "cli/report.h"

namespace leanto::cli {

const char* const kVersion = LEANTO_VERSION;

namespace {

constexpr const char* kFooter =
    "`leanto COMMAND --help` says more about a command.\n\n"
    "Exit codes:\n"
    "  0    done\n"
    "  1    it failed; stderr says why\n"
    "  2    the command line makes no sense\n"
    "  3    no node is running here\n"
    "  4    the run was cancelled (`wait`, `call --wait`)\n"
    "  5    the run is lost (`wait`, `call --wait`)\n"
    "  6    there is no such service or object (`call`, `objects delete`, `restart`, `up`, ...)\n"
    "  124  it took longer than --timeout (`call`) or --limit (`restart`)\n"
    "  130  interrupted with Ctrl-C\n"
    "  143  terminated (`top`, `call --cancel-on-interrupt`)";

void add_commands(CLI::App& app) {
  add_status(app);
  add_top(app);
  add_list(app);
  add_objects(app);
  add_call(app);
  add_logs(app);
  add_runs(app);
  add_run(app);
  add_wait(app);
  add_cancel(app);
  add_replay(app);
  add_images(app);
  add_clusters(app);
  add_up(app);
  add_down(app);
  add_ssh(app);
  add_restart(app);
  add_stop(app);
  add_doctor(app);
  add_token(app);
  add_completion(app);
  add_version(app);
  add_node(app);
  add_bridge(app);
}

std::vector<std::string> names_of_commands(const CLI::App& app) {
  std::vector<std::string> names;
  const auto is_command = [](const CLI::App* command) { return !command->get_name().empty(); };
  for (const CLI::App* command : app.get_subcommands(is_command)) {
    names.push_back(command->get_name());
  }
  return names;
}

int say_unknown(const std::string& word, const std::vector<std::string>& names) {
  print_error(fmt::format("there is no command '{}'{} (`leanto --help` lists them)", word,
                          did_you_mean(word, names)));
  return kUsage;
}

// What the command returned. Not thrown: the first exception of a static binary sorts all unwind
// tables, 5 to 10 ms.
int ended_with = kOk;

std::string node_to_ask;

// Commands that only ask the node, whichever it is.
constexpr std::array<std::string_view, 11> kAskAnyNode{
    "status", "top", "ls", "objects", "call", "runs", "run", "wait", "cancel", "images", "restart"};

const CLI::App& top_command(const CLI::App& command) {
  const CLI::App* found = &command;
  while (found->get_parent() != nullptr && found->get_parent()->get_parent() != nullptr)
    found = found->get_parent();
  return *found;
}

bool may_ask_elsewhere(const CLI::App& command) {
  const std::string& name = top_command(command).get_name();
  if (node_to_ask.empty() ||
      std::find(kAskAnyNode.begin(), kAskAnyNode.end(), name) != kAskAnyNode.end()) {
    return true;
  }
  print_error(
      fmt::format("`leanto {0}` is about this machine; on the other one: leanto ssh {1}, and "
                  "there leanto {0}",
                  name, node_to_ask));
  return false;
}

int parse_and_run(CLI::App& app, int argc, char** argv) {
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help and --version
    print_error(fmt::format("{} (`leanto --help` says what is understood)", error.what()));
    return kUsage;
  }
  return ended_with;
}

}  // namespace

void on_run(CLI::App& command, std::function<int()> body) {
  command.callback([&command, body = std::move(body)] {
    ended_with = may_ask_elsewhere(command) ? body() : kUsage;
  });
}

CLI::Option* add_json_flag(CLI::App& command) {
  // A literal is ambiguous in C++20, where an array can be made of a number.
  const std::string description = "Print JSON, on one line";
  return command.add_flag("--json", description);
}

Format format_of(const CLI::Option* json) {
  return json->count() > 0 ? Format::kJson : Format::kText;
}

const std::string& asked_node() { return node_to_ask; }

int run(int argc, char** argv) {
  CLI::App app(
      "Leanto sends Python functions and classes to any compute. This is its daemon and its "
      "command line.",
      "leanto");
  app.require_subcommand(1);
  app.set_version_flag("--version", std::string("leanto ") + kVersion);
  app.footer(kFooter);
  app.add_option("--on", node_to_ask, "Ask the node of that cluster (or CLUSTER/HOST)")
      ->type_name("NODE");
  app.fallthrough();
  add_commands(app);
  if (argc < 2) {
    fmt::print(stderr, "{}", app.help());
    return kUsage;
  }
  const std::string word = argv[1];
  if (word == kComplete) return print_completions(app, {argv + 2, argv + argc});
  const std::vector<std::string> names = names_of_commands(app);
  const bool known = std::find(names.begin(), names.end(), word) != names.end();
  if (!known && !word.starts_with('-')) return say_unknown(word, names);
  return parse_and_run(app, argc, argv);
}

}  // namespace leanto::cli
