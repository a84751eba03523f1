// `leanto bridge`: the node of this user on the standard streams, which is how `ssh HOST leanto
// bridge` becomes a connection to it.
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "cli/command.h"
#include "cli/node_process.h"
#include "cli/report.h"
#include "os/files.h"
#include "os/relay.h"
#include "os/unix_socket.h"
#include "os/xdg.h"
#include "wire/bridge_marker.h"

namespace leanto::cli {

namespace {

// A node that is just ending has no socket any more, and none can be started yet.
constexpr std::chrono::seconds kEndingLimit{15};
constexpr std::chrono::milliseconds kLookAgain{50};

Result<UniqueFd> connect_to_node() {
  const Result<Directories> directories = find_directories(find_environment_variable);
  if (!directories) return Failure(directories.error());
  const auto until = std::chrono::steady_clock::now() + kEndingLimit;
  while (true) {
    Result<UniqueFd> socket = connect_unix(directories->socket());
    const bool is_late = std::chrono::steady_clock::now() > until;
    if (socket || socket.error().kind != ErrorKind::kNotFound || is_late) return socket;
    if (const Status started = start_node({}); !started) return Failure(started.error());
    socket = connect_unix(directories->socket());
    if (socket) return socket;
    std::this_thread::sleep_for(kLookAgain);
  }
}

int bridge() {
  ::signal(SIGPIPE, SIG_IGN);  // that nobody reads is an error of a write, not the end
  const Result<UniqueFd> socket = connect_to_node();
  if (!socket) {
    print_error(socket.error().message);
    return kFailed;
  }
  const Status greeted = write_all(STDOUT_FILENO, wire::kBridgeMarker, "standard output");
  const Status ended = greeted ? relay(STDIN_FILENO, STDOUT_FILENO, socket->get()) : greeted;
  if (ended) return kOk;
  print_error(ended.error().message);
  return kFailed;
}

}  // namespace

void add_bridge(CLI::App& app) {
  CLI::App* command = app.add_subcommand(
      "bridge",
      "Join this machine's node to standard input and output (other machines run this over ssh)");
  command->footer(
      "It starts the node if none runs, prints a line that says so, and from then on passes on the "
      "bytes of docs/wire.md.");
  on_run(*command, bridge);
}

}  // namespace leanto::cli
