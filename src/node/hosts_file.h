// hosts.toml: a team's machines by name, beside node.toml. Each section is a cluster, with the
// words of lt.cluster:
//
//   [box]
//   host = "10.0.0.7"             # or hosts = ["10.0.0.8", "10.0.0.9"]
//   ssh_user = "ubuntu"
//   ssh_port = 2222
//   ssh_key = "/home/me/.ssh/team"
//   python = "/opt/venv/bin/python"
//   price_per_hour = 1.21         # for choosing; absent: what the host's own node.toml says
//   labels = {team = "vision"}
//
//   [shared]
//   url = "leanto://10.0.0.9:7400?..."  # as `leanto token create --join` prints it there; or with
//   fingerprint = "..."                 # and token = "..." of their own
//
// Who has a token in it must keep the file to himself: mode 0600.
// A file that isn't there says nothing.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "base/result.h"
#include "wire/head.h"

namespace leanto::node {

using HostsFile = std::map<std::string, wire::Json>;  // cluster → its words

// kInvalid with `path`, the line and what would be right.
Result<HostsFile> parse_hosts_file(std::string_view text, const std::string& path);
Result<HostsFile> load_hosts_file(const std::filesystem::path& path);

}  // namespace leanto::node
