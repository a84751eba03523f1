// `leanto restart`: new workers for services, or a new daemon.
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <iostream>
#include <memory>
#include <string>

#include "base/duration.h"
#include "cli/command.h"
#include "cli/node_process.h"
#include "cli/node_questions.h"
#include "cli/progress.h"
#include "cli/report.h"
#include "cli/report_node.h"
#include "cli/restart_report.h"
#include "os/kernel_files.h"
#include "os/peer.h"

namespace leanto::cli {

namespace {

using wire::Json;

// Beyond the limit for the calls: a new worker imports its module, interrupted ones are given time.
constexpr Duration kImportLimit = std::chrono::minutes(11);

struct RestartOptions {
  std::string service;
  bool all = false;
  bool node = false;
  bool now = false;
  bool yes = false;
  std::string limit = "30s";
};

// Services

int restart_services(Connection& node, const RestartOptions& options, Duration limit,
                     Format format) {
  Json question = {{"op", "restart"},
                   {"now", options.now},
                   {"limit", std::chrono::duration<double>(limit).count()}};
  if (options.all) question["all"] = true;
  if (!options.all) question["service"] = options.service;
  const char* const what =
      options.now ? "restarting" : "restarting; waiting for the calls that run";
  const Result<Reply> reply = ask_with_progress(node, question, what);
  if (!reply) {
    print_error(reply.error());
    return reply.error().kind == ErrorKind::kNotFound ? kNotFound : kFailed;
  }
  if (format == Format::kJson) {
    print_json(reply->head);
  } else {
    fmt::print("{}", restart_report(reply->head, options.service));
  }
  if (has_failed(reply->head)) return kFailed;
  return still_runs(reply->head) ? kTimedOut : kOk;
}

// The node

bool asks_people() { return ::isatty(STDIN_FILENO) == 1 && ::isatty(STDERR_FILENO) == 1; }

// True: go on.
bool confirm(const std::vector<std::string>& lost) {
  fmt::print(stderr, "A restart of the node ends:\n");
  for (const std::string& line : lost) fmt::print(stderr, "  {}\n", line);
  if (!asks_people()) {
    print_error("nothing was restarted; --yes restarts all the same");
    return false;
  }
  fmt::print(stderr, "Restart? [y/N] ");
  std::fflush(stderr);
  std::string answer;
  std::getline(std::cin, answer);
  return answer == "y" || answer == "Y" || answer == "yes";
}

std::vector<std::string> options_of_node(const Connection& node) {
  const Result<PeerCredentials> peer = peer_credentials(node.socket());
  if (!peer) return {};
  const auto line = SystemKernelFiles().read(fmt::format("/proc/{}/cmdline", peer->pid));
  return line ? options_to_keep(*line) : std::vector<std::string>();
}

int refuse(const std::vector<std::string>& lost, Format format) {
  if (format == Format::kJson) print_json({{"restarted", false}, {"would_end", lost}});
  return kFailed;
}

int restart_node(Connection& node, const RestartOptions& options, Format format) {
  const Result<Json> status = ask_for_status(node);
  if (!status) return print_error(status.error());
  // A node of an older version can't say what it keeps; its calls can still be counted.
  const auto objects = ask_for_objects(node);
  const std::vector<std::string> lost =
      what_is_lost(objects.value_or(std::vector<Json>()), *status, ask_for_begun_runs(node));
  if (!lost.empty() && !options.yes && !confirm(lost)) return refuse(lost, format);
  const std::vector<std::string> kept = options_of_node(node);
  const Result<StoppedNode> stopped = stop_node(node, Runs::kGoOn);
  if (!stopped) return print_error(stopped.error());
  if (!stopped->has_ended) {
    return print_error(
        fmt::format("the node (pid {0}) was asked to stop and is still there after {1} s; look at "
                    "`leanto logs --node`, or end it with: kill {0}",
                    stopped->pid, kStopLimit.count()));
  }
  if (const Status started = start_node(kept); !started) return print_error(started.error());
  if (format == Format::kJson) {
    print_json({{"restarted", true}, {"ended", lost}});
  } else {
    fmt::print("the node has been restarted (it was pid {})\n", stopped->pid);
  }
  return kOk;
}

// What is wrong with the options, or nullptr.
const char* find_contradiction(const RestartOptions& options) {
  const int named = !options.service.empty() + options.all + options.node;
  if (named == 0) return "restart what? Name a service (`leanto ls` lists them), --all or --node";
  if (named > 1) return "a service's name, --all and --node don't go together";
  if (options.node && options.now) return "--now is for services: a node's restart ends all calls";
  if (!options.node && options.yes) return "--yes is for --node: a service keeps its objects";
  return nullptr;
}

int restart(const RestartOptions& options, Format format) {
  const char* contradiction = find_contradiction(options);
  const Result<Duration> limit = parse_duration(options.limit);
  if (contradiction != nullptr || !limit) {
    print_error(contradiction != nullptr ? contradiction : "--limit: " + limit.error().message);
    return kUsage;
  }
  if (options.node) {
    auto use = [&](Connection& node) { return restart_node(node, options, format); };
    return with_node(format, NoNode::kError, use);
  }
  auto use = [&](Connection& node) { return restart_services(node, options, *limit, format); };
  return with_node(format, NoNode::kError, use, *limit + kImportLimit);
}

}  // namespace

void add_restart(CLI::App& app) {
  CLI::App* command = app.add_subcommand("restart", "Give a service new workers, or start anew");
  command->footer(
      "Examples:\n"
      "  leanto restart demo.train          # new calls go to new workers at once\n"
      "  leanto restart demo.train --now    # what runs is interrupted\n"
      "  leanto restart --node              # the daemon; says first what would be lost\n\n"
      "Runs outlive a restart of the daemon: their workers wait for the next one.\n"
      "New workers import what is installed now. Objects of a class stay as they are.\n"
      "Exits with 124 if calls still run in old workers after the limit: they go on, and\n"
      "their workers end with them. With 6 if there is no such service.");
  const auto options = std::make_shared<RestartOptions>();
  command->add_option("SERVICE", options->service, "The service, as `leanto ls` shows it")
      ->type_name("");
  command->add_flag("--all", options->all, "All services that have workers");
  command->add_flag("--now", options->now, "Interrupt the calls that run");
  command->add_option("--limit", options->limit, "How long to wait for the calls that run (30s)")
      ->type_name("TIME");
  command->add_flag("--node", options->node, "The daemon itself, with all that it keeps in memory");
  command->add_flag("-y,--yes", options->yes, "With --node: don't ask");
  CLI::Option* json = add_json_flag(*command);
  on_run(*command, [options, json] { return restart(*options, format_of(json)); });
}

}  // namespace leanto::cli
