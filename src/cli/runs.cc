// `leanto runs`: the runs on this machine's node.
#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <memory>

#include "base/duration.h"
#include "cli/command.h"
#include "cli/report_node.h"
#include "cli/runs_prune.h"
#include "cli/runs_report.h"

namespace leanto::cli {

using wire::Json;

namespace {

struct RunsOptions {
  std::string service;
  std::string since;
  bool failed = false;
  std::int64_t limit = 100;
};

Result<Json> question_of(const RunsOptions& options) {
  Json question = {{"op", "runs"}, {"limit", options.limit}};
  if (!options.service.empty()) question["service"] = options.service;
  if (options.failed) question["status"] = {"failed", "lost"};
  if (options.since.empty()) return question;
  const Result<Duration> ago = parse_duration(options.since);
  if (!ago) return Failure(ago.error());
  question["since"] =
      now_ms() - std::chrono::duration_cast<std::chrono::milliseconds>(*ago).count();
  return question;
}

int print_runs(Connection& node, const Json& question, Format format) {
  const Result<Reply> reply = node.ask_again(question);
  if (!reply) return print_error(reply.error());
  const Json runs = Json::parse(reply->body, nullptr, false);
  if (!runs.is_array())
    return print_error("the node's answer makes no sense; is it another version?");
  if (format == Format::kJson) {
    print_json(runs);
  } else {
    fmt::print("{}",
               runs_report(runs.get<std::vector<Json>>(), now_ms(), screen_of(STDOUT_FILENO)));
  }
  return kOk;
}

int list_runs(const RunsOptions& options, Format format) {
  const Result<Json> question = question_of(options);
  if (!question) {
    print_error(question.error());
    return kUsage;
  }
  auto print = [&](Connection& node) { return print_runs(node, *question, format); };
  return with_node(format, NoNode::kError, print);
}

}  // namespace

void add_runs(CLI::App& app) {
  CLI::App* command = app.add_subcommand("runs", "List runs, the newest first");
  command->footer("Example:\n  leanto runs --failed --since 1h");
  const auto options = std::make_shared<RunsOptions>();
  command->add_flag("--failed", options->failed, "Only those that failed or are lost");
  command->add_option("--service", options->service, "Only those of a service")->type_name("NAME");
  command->add_option("--since", options->since, "Only those submitted in the last 1h, 2d, ...")
      ->type_name("TIME");
  command->add_option("-n,--limit", options->limit, "How many at most")->type_name("N");
  command->require_subcommand(0, 1);
  CLI::Option* json = add_json_flag(*command);
  const auto exit_code = std::make_shared<int>(kOk);
  add_runs_prune(*command, exit_code);
  on_run(*command, [command, options, json, exit_code] {
    if (!command->get_subcommands().empty()) return *exit_code;
    return list_runs(*options, format_of(json));
  });
}

}  // namespace leanto::cli
