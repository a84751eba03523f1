// `leanto replay`: calls a run again, as a new run, or in this terminal with a debugger.
#include <fmt/format.h>

#include <memory>

#include "cli/caller.h"
#include "cli/command.h"
#include "cli/progress.h"
#include "cli/replay_debug.h"
#include "cli/report.h"
#include "cli/report_node.h"

namespace leanto::cli {

using wire::Json;

namespace {

struct ReplayOptions {
  std::string id;
  std::string cluster;
  bool debug = false;
  bool step = false;
};

// Sending its code may take a while, in which the node says how far it has come.
constexpr Duration kLimit = std::chrono::minutes(10);

int replay(Connection& node, const ReplayOptions& options, Format format) {
  Json question = {
      {"op", "run_replay"}, {"id", options.id}, {"anywhere", true}, {"caller", say_caller()}};
  if (!options.cluster.empty()) question["to"] = options.cluster;
  const Result<Reply> reply = ask_with_steps(node, question, "replaying " + options.id);
  if (!reply) return print_error(reply.error());
  if (format == Format::kJson) {
    print_json(reply->head);
    return kOk;
  }
  const std::string again = text_of(reply->head, "id");
  const auto where = wire::find_string(reply->head, "node").value_or("");
  fmt::print("{} replays {}, a run of {}{}; `leanto{} wait {}` says how it ends\n", again,
             text_of(reply->head, "replays"), text_of(reply->head, "service"),
             where.empty() ? "" : ", on " + where, where.empty() ? "" : " --on " + where, again);
  return kOk;
}

int run_replay(const ReplayOptions& options, Format format) {
  const bool debug = options.debug || options.step;
  if (debug && !options.cluster.empty() && options.cluster != "here") {
    print_error("a debugger runs in this terminal, so on this machine: leave out --to, or --debug");
    return kUsage;
  }
  if (debug && format == Format::kJson) {
    print_error("a debugger needs a terminal, and --json says that nobody looks; give one of them");
    return kUsage;
  }
  auto use = [&](Connection& node) {
    if (!debug) return replay(node, options, format);
    return replay_here(node, options.id,
                       options.step ? Debugging::kFromStart : Debugging::kOnError);
  };
  return with_node(format, NoNode::kError, use, kLimit);
}

}  // namespace

void add_replay(CLI::App& app) {
  CLI::App* command =
      app.add_subcommand("replay", "Call a run again: the same code, the same arguments");
  command->footer(
      "Examples:\n  leanto replay nightly-2025-01-31\n  leanto replay nightly-2025-01-31 "
      "--to gpu-box\n  leanto replay nightly-2025-01-31 --debug\n\n"
      "The run is looked for here and on the machines that are up. Without --to it runs where it\n"
      "ran; with it, its code and arguments go there.\n\n"
      "The arguments of a run that has ended are there if its service or its call said\n"
      ".options(keep_args=True). The replay is a run of its own, without a key.\n\n"
      "With --debug the call is made in this terminal, in a process of its own and on a copy of\n"
      "the code at the run's version; where it raises an exception, pdb takes over.");
  const auto options = std::make_shared<ReplayOptions>();
  command->add_option("RUN", options->id, "The run's id or key")->type_name("")->required();
  command->add_option("--to", options->cluster, "The cluster that runs it: a name, or 'here'")
      ->type_name("CLUSTER");
  command->add_flag("--debug", options->debug, "Run it here; pdb takes over at an exception");
  command->add_flag("--step", options->step, "The same, and pdb takes over at its first line");
  CLI::Option* json = add_json_flag(*command);
  on_run(*command, [options, json] { return run_replay(*options, format_of(json)); });
}

}  // namespace leanto::cli
