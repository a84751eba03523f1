// `leanto cancel`: has a run end.
#include <fmt/format.h>

#include <memory>

#include "cli/command.h"
#include "cli/report.h"
#include "cli/report_node.h"

namespace leanto::cli {

namespace {

int cancel_run(Connection& node, const std::string& id, const std::string& reason, Format format) {
  const Result<Reply> reply =
      node.ask_again({{"op", "run_cancel"}, {"id", id}, {"reason", reason}});
  if (!reply) return print_error(reply.error());
  const bool accepted = wire::find_flag(reply->head, "accepted", false);
  if (format == Format::kJson) {
    print_json(reply->head);
  } else if (accepted) {
    fmt::print("{} is being cancelled; `leanto wait {}` says when it is gone\n",
               text_of(reply->head, "id"), id);
  } else {
    fmt::print("{} has ended already: {}\n", text_of(reply->head, "id"),
               text_of(reply->head, "status"));
  }
  return kOk;
}

}  // namespace

void add_cancel(CLI::App& app) {
  CLI::App* command = app.add_subcommand("cancel", "Cancel a run");
  command->footer(
      "Example:\n  leanto cancel nightly-2025-01-31 --reason 'wrong data'\n\n"
      "It's interrupted at once, terminated after its grace (10 s) and killed 5 s later.\n"
      "A run that has ended stays as it is.");
  const auto id = std::make_shared<std::string>();
  const auto reason = std::make_shared<std::string>();
  command->add_option("RUN", *id, "The run's id or key")->type_name("")->required();
  command->add_option("--reason", *reason, "Why; goes on record")->type_name("TEXT");
  CLI::Option* json = add_json_flag(*command);
  on_run(*command, [id, reason, json] {
    const Format format = format_of(json);
    auto cancel = [&](Connection& node) { return cancel_run(node, *id, *reason, format); };
    return with_node(format, NoNode::kError, cancel);
  });
}

}  // namespace leanto::cli
