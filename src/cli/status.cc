// `leanto status`: the daemon of this machine and the processes that it looks after.
#include <fmt/format.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/report.h"
#include "cli/report_node.h"
#include "cli/status_report.h"

namespace leanto::cli {

namespace {

int print_status(Connection& node, Format format) {
  Result<Reply> reply = node.ask({{"op", "status"}});
  if (!reply) return print_error(reply.error());
  if (format == Format::kJson) {
    reply->head["running"] = true;
    print_json(reply->head);
  } else {
    fmt::print("{}", status_report(reply->head, kVersion, screen_of(STDOUT_FILENO)));
  }
  return kOk;
}

}  // namespace

void add_status(CLI::App& app) {
  CLI::App* command = app.add_subcommand("status", "Show this machine's node and what runs on it");
  command->footer(
      "Example:\n  leanto status --json | jq '.workers[].memory'\n\nExits with 3 when no node is "
      "running.");
  CLI::Option* json = add_json_flag(*command);
  on_run(*command, [json] {
    const Format format = format_of(json);
    auto print = [format](Connection& node) { return print_status(node, format); };
    return with_node(format, NoNode::kAnswer, print);
  });
}

}  // namespace leanto::cli
