#include "cli/node_process.h"

#include <poll.h>

#include <cerrno>

#include "cli/progress.h"
#include "os/files.h"
#include "os/peer.h"
#include "os/process.h"

namespace leanto::cli {

namespace {

// False when it's still there after kStopLimit.
bool wait_for_end(const UniqueFd& process) {
  constexpr int kTickMs = 250;
  Progress progress("waiting for the node to end");
  for (std::chrono::milliseconds waited{}; waited < kStopLimit;
       waited += std::chrono::milliseconds(kTickMs)) {
    pollfd ended{process.get(), POLLIN, 0};
    if (::poll(&ended, 1, kTickMs) > 0) return true;
    progress.tick();
  }
  return false;
}

}  // namespace

std::vector<std::string> options_to_keep(std::string_view command_line) {
  std::vector<std::string> words;
  while (!command_line.empty()) {
    const std::size_t end = std::min(command_line.find('\0'), command_line.size());
    words.emplace_back(command_line.substr(0, end));
    command_line.remove_prefix(std::min(end + 1, command_line.size()));
  }
  std::vector<std::string> kept;
  for (std::size_t i = 0; i < words.size(); ++i) {
    for (const std::string_view option : {"--listen", "--warm"}) {
      const bool with_value = words[i].starts_with(std::string(option) + "=");
      if (with_value) kept.push_back(words[i]);
      if (words[i] == option && i + 1 < words.size()) {
        kept.push_back(words[i]);
        kept.push_back(words[i + 1]);
      }
    }
  }
  return kept;
}

Status start_node(const std::vector<std::string>& options) {
  const Result<std::string> program = read_link_at(AT_FDCWD, "/proc/self/exe");
  if (!program) return Failure(program.error());
  SpawnOptions start;
  start.arguments = {*program, "node", "--detach"};
  start.arguments.insert(start.arguments.end(), options.begin(), options.end());
  start.fds = {{2, 2}};
  const Result<Child> child = spawn(start);
  if (!child) return Failure(child.error());
  const Result<ExitStatus> ended = wait_until_exit(child->pid);
  if (!ended) return Failure(ended.error());
  if (ended->code == 0) return {};
  return fail(ErrorKind::kInternal,
              "no new node could be started; `leanto doctor` may say why, and so may `leanto logs "
              "--node`");
}

// Who stops need not find the time to answer: what counts is that the process ends.
Result<StoppedNode> stop_node(Connection& node, Runs runs) {
  const Result<PeerCredentials> peer = peer_credentials(node.socket());
  if (!peer) return Failure(peer.error());
  const Result<UniqueFd> process = open_pidfd(peer->pid);
  const Result<Reply> reply = node.ask({{"op", "stop"}, {"keep_runs", runs == Runs::kGoOn}});
  if (!reply && reply.error().kind != ErrorKind::kProtocol) return Failure(reply.error());
  if (!process && process.error().kind == ErrorKind::kNotFound) return StoppedNode{peer->pid, true};
  if (!process) return Failure(process.error());
  return StoppedNode{peer->pid, wait_for_end(*process)};
}

}  // namespace leanto::cli
