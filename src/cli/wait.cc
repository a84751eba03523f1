// `leanto wait`: until a run has ended; the exit code says what became of it.
#include <fmt/format.h>

#include <memory>

#include "cli/command.h"
#include "cli/progress.h"
#include "cli/report_node.h"
#include "cli/runs_report.h"

namespace leanto::cli {

using wire::Json;

namespace {

constexpr int kWaitSeconds = 20;  // less than a connection's limit

Result<Json> read_record(Connection& node, const std::string& id) {
  const Result<Reply> reply = node.ask_again({{"op", "run_record"}, {"id", id}});
  if (!reply) return Failure(reply.error());
  return reply->head.value("run", Json::object());
}

// Also while it's unknown: then its worker is waited for.
bool is_under_way(const Json& run) { return run.value("ended_at", Json()).is_null(); }

Result<Json> wait_for_end(Connection& node, const std::string& id_or_key) {
  Progress progress("waiting for " + id_or_key);
  node.set_on_wait([&] { progress.tick(); });
  Result<Json> run = read_record(node, id_or_key);
  while (run && is_under_way(*run)) {
    const std::string id = text_of(*run, "id");
    const Result<Reply> reply =
        node.ask_again({{"op", "run_wait"}, {"ids", {id}}, {"wait", kWaitSeconds}});
    if (!reply) return Failure(reply.error());
    run = read_record(node, id);
  }
  node.set_on_wait(nullptr);
  return run;
}

int wait_for_run(Connection& node, const std::string& id, Format format) {
  const Result<Json> run = wait_for_end(node, id);
  if (!run) {
    (void)print_error(run.error());
    return node.is_lost() ? kNotRunning : kFailed;  // the run goes on, or it's on record
  }
  const std::string status = text_of(*run, "status");
  if (format == Format::kJson) {
    print_json(*run);
    return exit_code_of(status);
  }
  fmt::print("{}\n", status);
  const Json error = run->value("error", Json());
  if (error.is_object()) print_error(text_of(error, "message"));
  return exit_code_of(status);
}

}  // namespace

void add_wait(CLI::App& app) {
  CLI::App* command = app.add_subcommand("wait", "Wait until a run has ended");
  command->footer(
      "Example:\n  leanto wait nightly-2025-01-31 && echo done\n\n"
      "Exit codes: 0 it succeeded, 1 it failed, 4 it was cancelled, 5 it is lost.");
  const auto id = std::make_shared<std::string>();
  command->add_option("RUN", *id, "The run's id or key")->type_name("")->required();
  CLI::Option* json = add_json_flag(*command);
  on_run(*command, [id, json] {
    const Format format = format_of(json);
    auto wait = [&](Connection& node) { return wait_for_run(node, *id, format); };
    return with_node(format, NoNode::kError, wait);
  });
}

}  // namespace leanto::cli
