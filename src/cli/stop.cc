// `leanto stop`: ends the daemon of this machine, and with it its workers.
#include <fmt/format.h>
#include <poll.h>

#include <cerrno>
#include <chrono>

#include "cli/command.h"
#include "cli/report.h"
#include "cli/report_node.h"
#include "os/peer.h"
#include "os/process.h"

namespace leanto::cli {

namespace {

constexpr int kLimitMs = 10'000;

enum class Ended { kYes, kNotYet };

Ended wait_for_end(const UniqueFd& process) {
  pollfd ended{process.get(), POLLIN, 0};
  int ready = 0;
  do {
    ready = ::poll(&ended, 1, kLimitMs);
  } while (ready < 0 && errno == EINTR);
  return ready > 0 ? Ended::kYes : Ended::kNotYet;
}

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
      pid, kLimitMs / 1000));
  return kFailed;
}

// Who stops need not find the time to answer: what counts is that the process ends.
int stop_node(Connection& node, Format format) {
  const Result<PeerCredentials> peer = peer_credentials(node.socket());
  if (!peer) return print_error(peer.error());
  const Result<UniqueFd> process = open_pidfd(peer->pid);
  const Result<Reply> reply = node.ask({{"op", "stop"}});
  if (!reply && reply.error().kind != ErrorKind::kProtocol) return print_error(reply.error());
  if (!process && process.error().kind == ErrorKind::kNotFound)
    return say_stopped(peer->pid, format);
  if (!process) return print_error(process.error());
  if (wait_for_end(*process) == Ended::kYes) return say_stopped(peer->pid, format);
  return say_still_running(peer->pid, format);
}

}  // namespace

void add_stop(CLI::App& app) {
  CLI::App* command = app.add_subcommand("stop", "Stop this machine's node and its workers");
  command->footer(
      "Example:\n  leanto stop\n\n"
      "Calls that run end with an error and live objects are gone; services stay.\n"
      "Not running is fine: exits with 0.");
  CLI::Option* json = add_json_flag(*command);
  on_run(*command, [json] {
    const Format format = format_of(json);
    auto stop = [format](Connection& node) { return stop_node(node, format); };
    const int code = with_node(format, NoNode::kAnswer, stop);
    return code == kNotRunning ? kOk : code;
  });
}

}  // namespace leanto::cli
