// `leanto run`: everything on record about one run.
#include <fmt/format.h>

#include <chrono>
#include <memory>

#include "cli/command.h"
#include "cli/report_node.h"
#include "cli/runs_report.h"

namespace leanto::cli {

using wire::Json;

namespace {

int print_run(Connection& node, const std::string& id, Format format) {
  const Result<Reply> reply = node.ask_again({{"op", "run_record"}, {"id", id}});
  if (!reply) return print_error(reply.error());
  const Json run = reply->head.value("run", Json::object());
  if (format == Format::kJson) {
    print_json(run);
    return kOk;
  }
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  fmt::print("{}",
             run_report(run, std::chrono::duration_cast<std::chrono::milliseconds>(now).count()));
  return kOk;
}

}  // namespace

void add_run(CLI::App& app) {
  CLI::App* command = app.add_subcommand("run", "Show what is on record about a run");
  command->footer("Example:\n  leanto run nightly-2025-01-31");
  const auto id = std::make_shared<std::string>();
  command->add_option("RUN", *id, "The run's id or key")->type_name("")->required();
  CLI::Option* json = add_json_flag(*command);
  on_run(*command, [id, json] {
    const Format format = format_of(json);
    auto print = [&](Connection& node) { return print_run(node, *id, format); };
    return with_node(format, NoNode::kError, print);
  });
}

}  // namespace leanto::cli
