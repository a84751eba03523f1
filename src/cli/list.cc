// `leanto ls`: the services and objects that can be reached by name.
#include <fmt/format.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/list_report.h"
#include "cli/report.h"
#include "cli/report_node.h"
#include "os/xdg.h"

namespace leanto::cli {

namespace {

int print_list(Connection& node, Format format) {
  const Result<Reply> reply = node.ask({{"op", "ls"}});
  if (!reply) return print_error(reply.error());
  if (format == Format::kJson) {
    print_json(reply->head);
  } else {
    const std::string home = find_environment_variable("HOME").value_or("");
    fmt::print("{}", list_report(reply->head, home, screen_of(STDOUT_FILENO)));
  }
  return kOk;
}

}  // namespace

void add_list(CLI::App& app) {
  CLI::App* command = app.add_subcommand("ls", "List the services and objects of this machine");
  command->footer("Example:\n  leanto ls --json | jq -r '.services[].name'");
  CLI::Option* json = add_json_flag(*command);
  on_run(*command, [json] {
    const Format format = format_of(json);
    auto print = [format](Connection& node) { return print_list(node, format); };
    return with_node(format, NoNode::kError, print);
  });
}

}  // namespace leanto::cli
