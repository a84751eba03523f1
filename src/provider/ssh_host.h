// A host that the user's own ssh reaches: which one, and the command line that does it. The user's
// configuration, agent, jump hosts and known_hosts apply; nothing here weakens what they ask for.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace leanto {

struct SshHost {
  std::string host;                         // a name, an address or an alias of ssh's configuration
  std::string user{};                       // empty: what ssh says
  int port = 0;                             // 0: what ssh says
  std::string key{};                        // the path of a private key; empty: what ssh has
  std::vector<std::string> command{"ssh"};  // the program and what always comes first: -F FILE
  std::map<std::string, std::string> environment{};  // for ssh, above this process's own:
                                                     // SSH_AUTH_SOCK

  friend bool operator==(const SshHost&, const SshHost&) = default;
};

// kInvalid if a part could be taken for an option, or for something by a shell: ssh puts host and
// user into ProxyCommand and the like.
Status check(const SshHost& host);

// The words that run `remote_command` on the host, of which ssh gives up connecting after `connect`
// (whole seconds). Nothing asks anybody: where ssh would, it ends.
std::vector<std::string> ssh_command_line(const SshHost& host, std::string_view remote_command,
                                          Duration connect);

// ssh's environment, as "NAME=value".
std::vector<std::string> ssh_environment(const SshHost& host);

// What a person types to try the same: `ssh -p 2222 me@box`.
std::string command_by_hand(const SshHost& host);

// "me@box port 2222": for messages.
std::string describe(const SshHost& host);

}  // namespace leanto
