#include "node/ssh_dialler.h"

#include <utility>

namespace leanto::node {

namespace {

using namespace std::chrono_literals;

constexpr Duration kEndGrace = 1s;  // of an ssh whose streams were closed

SshHost to_ssh(const HostSpec& host, const std::vector<std::string>& command) {
  SshHost ssh;
  ssh.host = host.host;
  ssh.user = host.user;
  ssh.port = host.port;
  ssh.key = host.key;
  ssh.command = command;
  for (const std::string& variable : host.environment) {
    const std::size_t equals = variable.find('=');
    if (equals != std::string::npos)
      ssh.environment[variable.substr(0, equals)] = variable.substr(equals + 1);
  }
  return ssh;
}

std::string describe(const DialProgress& progress, const std::string& host) {
  constexpr double kMegabyte = 1e6;
  switch (progress.phase) {
    case DialPhase::kConnecting:
      return fmt::format("connecting to {}", host);
    case DialPhase::kPacking:
      return fmt::format("packing leanto for {}", host);
    case DialPhase::kStarting:
      return fmt::format("starting the node on {}", host);
    case DialPhase::kSending:
      break;
  }
  return fmt::format("sending leanto to {}: {:.1f} of {:.1f} MB", host,
                     static_cast<double>(progress.sent) / kMegabyte,
                     static_cast<double>(progress.total) / kMegabyte);
}

}  // namespace

net::Task<Result<NodeBinary>> SshDialler::binary() {
  if (!binary_) {
    auto find = [cache = cache_] { return find_node_binary("/proc/self/exe", cache); };
    Result<NodeBinary> found = co_await loop_.in_background(std::move(find));
    if (!found) co_return found;
    binary_ = *std::move(found);
  }
  co_return *binary_;
}

std::vector<std::string> SshDialler::command_for_people(const HostSpec& host) const {
  std::vector<std::string> words = command_;
  if (host.port != 0) words.insert(words.end(), {"-p", std::to_string(host.port)});
  if (!host.key.empty()) words.insert(words.end(), {"-i", host.key});
  words.push_back(host.user.empty() ? host.host : host.user + "@" + host.host);
  return words;
}

net::Task<Result<SeenNode>> SshDialler::look(HostSpec host) {
  co_return co_await leanto::look(loop_, to_ssh(host, command_));
}

net::Task<Result<Transport>> SshDialler::dial(HostSpec host, OnProgress on_progress) {
  Result<NodeBinary> program = co_await binary();
  if (!program) co_return Failure(program.error());
  const SshHost ssh_host = to_ssh(host, command_);
  OnDialProgress say = [on_progress, name = host.host](const DialProgress& progress) {
    if (on_progress) on_progress(describe(progress, name));
  };
  Result<SshNode> node =
      co_await leanto::dial(loop_, ssh_host, *std::move(program), std::move(say));
  if (!node) co_return Failure(node.error());
  Transport transport;
  transport.connection = node->socket.release();
  const std::shared_ptr<SshProcess> ssh = std::move(node->ssh);
  transport.why_it_ended = [ssh, ssh_host]() -> net::Task<Error> {
    const SshEnd end = co_await ssh->end(kEndGrace);
    co_return explain(ssh_host, end);
  };
  co_return transport;
}

}  // namespace leanto::node
