// Other nodes by the user's own ssh.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "node/peers.h"
#include "provider/ssh_dial.h"
#include "provider/ssh_look.h"

namespace leanto::node {

class SshDialler {
 public:
  // `command` is the ssh program and what always comes first; `cache` is where the compressed form
  // of this binary is kept, for hosts that lack it.
  SshDialler(net::Loop& loop, std::vector<std::string> command, std::filesystem::path cache)
      : loop_(loop), command_(std::move(command)), cache_(std::move(cache)) {}

  net::Task<Result<Transport>> dial(HostSpec host, OnProgress on_progress);

  // Whether a node runs there; none is started.
  net::Task<Result<SeenNode>> look(HostSpec host);

  // The words with which a person logs in to the host.
  std::vector<std::string> command_for_people(const HostSpec& host) const;

 private:
  net::Task<Result<NodeBinary>> binary();

  net::Loop& loop_;
  const std::vector<std::string> command_;
  const std::filesystem::path cache_;
  std::optional<NodeBinary> binary_;
};

}  // namespace leanto::node
