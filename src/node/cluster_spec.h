// A cluster as a value: what was asked for under its name (docs/wire.md, "Clusters").
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "provider/requirements.h"
#include "wire/head.h"

namespace leanto::node {

// A host that the user's own ssh reaches, or one whose node is reached directly, by TLS.
struct HostSpec {
  std::string cluster;
  std::string node;  // its name here: that of the cluster, or CLUSTER/HOST
  std::string host;  // as ssh takes it: a Host of its configuration, or an address
  std::string user;  // empty: ssh's own choice
  int port = 0;      // 0: the same; of a node that is reached directly: its own
  std::string key;   // the file of a private key; empty: the same
  // What the caller's ssh needs to find his agent. No part of the cluster: it's kept in memory
  // only.
  std::vector<std::string> environment;
  std::optional<double> price_per_hour{};  // absent: what its own node.toml says
  std::map<std::string, std::string> labels{};

  std::string fingerprint{};  // of the node's certificate; empty: it's reached by ssh
  std::string token{};        // a secret, for the node

  bool is_direct() const { return !fingerprint.empty(); }
  // "ssh" or "direct".
  std::string provider() const { return is_direct() ? "direct" : "ssh"; }

  // Whether both are the same way to the same host. Another token is the same way.
  bool reached_as(const HostSpec& other) const;
};

// Whether what a provider offers is another machine, as HostSpec::provider names it.
bool is_elsewhere(std::string_view provider);

struct ClusterSpec {
  std::string name;
  std::vector<HostSpec> hosts;  // none: it's chosen by what it must have
  Requirements requirements;
  // How it's chosen: in order of preference, each a policy (provider/choose.h), or the name of a
  // cluster.
  std::vector<std::string> policies{"cheapest"};
};

// `words` are those of lt.cluster. kInvalid: they make no sense; the message says which and why.
Result<ClusterSpec> parse_cluster(const std::string& name, const wire::Json& words);

// The words that say what a cluster is: without those that belong to one caller, and `chosen`, the
// node that was chosen for it, `chosen_path`, why it was no other one, and without what only
// hosts.toml says.
wire::Json words_to_keep(wire::Json words);

// What lt.cluster was told, as it's kept: a join word in its parts (`url`, `fingerprint`, `token`).
// kInvalid.
Result<wire::Json> normal_words(wire::Json words);

// Without what is secret.
wire::Json words_to_show(wire::Json words);

// How two sets of words of one cluster differ, for people: "host was 'a' and is 'b'"; "" if not.
std::string describe_difference(const wire::Json& before, const wire::Json& now);

}  // namespace leanto::node
