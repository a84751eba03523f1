// `leanto stop`: ends the daemon of this machine, and with it its workers.
#include <fmt/format.h>

#include "cli/command.h"
#include "cli/node_process.h"
#include "cli/report.h"
#include "cli/report_node.h"

namespace leanto::cli {

namespace {

int say_stopped(pid_t pid, Format format) {
  if (format == Format::kJson) {
    print_json({{"running", false}, {"pid", pid}});
  } else {
    fmt::print("the node (pid {}) has stopped\n", pid);
  }
  return kOk;
}

int say_still_running(pid_t pid, Format format) {
  if (format == Format::kJson) print_json({{"running", true}, {"pid", pid}});
  print_error(fmt::format(
      "the node (pid {0}) was asked to stop and is still there after {1} s; look at `leanto logs "
      "--node`, or end it with: kill {0}",
      pid, kStopLimit.count()));
  return kFailed;
}

int stop(Connection& node, Format format) {
  const Result<StoppedNode> stopped = stop_node(node);
  if (!stopped) return print_error(stopped.error());
  return stopped->has_ended ? say_stopped(stopped->pid, format)
                            : say_still_running(stopped->pid, format);
}

}  // namespace

void add_stop(CLI::App& app) {
  CLI::App* command = app.add_subcommand("stop", "Stop this machine's node and its workers");
  command->footer(
      "Example:\n  leanto stop\n\n"
      "Calls that run end with an error, runs are lost and live objects are gone; services and\n"
      "runs that have not begun stay. `leanto restart --node` lets runs go on.\n"
      "Not running is fine: exits with 0.");
  CLI::Option* json = add_json_flag(*command);
  on_run(*command, [json] {
    const Format format = format_of(json);
    auto end = [format](Connection& node) { return stop(node, format); };
    const int code = with_node(format, NoNode::kAnswer, end);
    return code == kNotRunning ? kOk : code;
  });
}

}  // namespace leanto::cli
