#include "node/cluster_spec.h"

#include <algorithm>
#include <set>
#include <tuple>

#include "base/byte_size.h"
#include "net/fingerprint.h"
#include "provider/ssh_host.h"
#include "wire/join_word.h"

namespace leanto::node {

using wire::Json;

namespace {

constexpr std::size_t kMaxHosts = 1000;
constexpr std::size_t kMaxName = 255;  // wire/relay.h
constexpr const char* kEnvironment = "ssh_environment";
constexpr const char* kChosen = "chosen";
constexpr const char* kChosenPath = "chosen_path";
constexpr const char* kPrice = "price_per_hour";
constexpr const char* kUrl = "url";
constexpr const char* kFingerprint = "fingerprint";
constexpr const char* kToken = "token";
constexpr const char* kLabels = "labels";

bool is_control(char byte) { return static_cast<unsigned char>(byte) < 0x20 || byte == 0x7f; }

// What ssh would take for an option, or a terminal for a command, is no name.
Status check_word(std::string_view what, const std::string& text) {
  if (text.empty() || text.size() > 1000 || text.front() == '-' ||
      std::any_of(text.begin(), text.end(), is_control)) {
    return fail(ErrorKind::kInvalid, "{}='{}' makes no sense: give a name or an address", what,
                wire::valid_utf8(text));
  }
  return {};
}

Result<std::vector<std::string>> read_hosts(const Json& words) {
  std::vector<std::string> hosts;
  if (const auto host = words.find("host"); host != words.end() && !host->is_null()) {
    if (!host->is_string()) return fail(ErrorKind::kInvalid, "host= is a name or an address");
    hosts.push_back(host->get<std::string>());
  }
  if (const auto several = words.find("hosts"); several != words.end()) {
    if (!hosts.empty())
      return fail(ErrorKind::kInvalid, "a cluster has one host= or several hosts=[...], not both");
    if (!several->is_array() || several->empty())
      return fail(ErrorKind::kInvalid, "hosts= is a list of names or addresses");
    for (const Json& host : *several) {
      if (!host.is_string())
        return fail(ErrorKind::kInvalid, "hosts= is a list of names or addresses");
      hosts.push_back(host.get<std::string>());
    }
  }
  if (hosts.size() > kMaxHosts)
    return fail(ErrorKind::kInvalid, "a cluster has at most {} hosts", kMaxHosts);
  std::set<std::string> seen;
  for (const std::string& host : hosts) {
    if (const Status checked = check_word("host", host); !checked) return Failure(checked.error());
    if (!seen.insert(host).second)
      return fail(ErrorKind::kInvalid, "the host '{}' is named twice", host);
  }
  return hosts;
}

Result<std::vector<std::string>> read_policies(const Json& words) {
  const auto said = words.find("provider");
  if (said == words.end()) return std::vector<std::string>{"cheapest"};
  std::vector<std::string> policies;
  const Json list = said->is_array() ? *said : Json::array({*said});
  for (const Json& policy : list) {
    if (policy.is_string()) policies.push_back(policy.get<std::string>());
  }
  if (policies.empty() || policies.size() != list.size()) {
    return fail(
        ErrorKind::kInvalid,
        "provider= is \"cheapest\", \"available\", the name of a provider or of a cluster, or a "
        "list of those in order of preference");
  }
  return policies;
}

Status read_requirements(const Json& words, Requirements& requirements) {
  if (const auto type = wire::find_string(words, "instance_type")) {
    const Result<Requirements> parsed = parse_requirements(*type);
    if (!parsed) return Failure(parsed.error());
    requirements = *parsed;
  }
  if (const auto cpus = wire::find_number(words, "cpus")) requirements.cpus = *cpus;
  if (const auto memory = words.find("memory"); memory != words.end()) {
    const Result<std::uint64_t> bytes =
        memory->is_string() ? parse_byte_size(memory->get<std::string>())
                            : Result<std::uint64_t>(
                                  memory->is_number_unsigned() ? memory->get<std::uint64_t>() : 0);
    if (!bytes) return Failure(bytes.error());
    requirements.memory_bytes = *bytes;
  }
  return {};
}

void read_labels(const Json& words, HostSpec& host) {
  host.price_per_hour = wire::find_number(words, kPrice);
  const Json labels = words.value(kLabels, Json::object());
  for (const auto& [key, value] : labels.items()) {
    if (value.is_string()) host.labels.emplace(key, value.get<std::string>());
  }
}

// A node that is reached by TLS.
Result<ClusterSpec> parse_direct(ClusterSpec cluster, const Json& said) {
  const Result<Json> words = normal_words(said);
  if (!words) return Failure(words.error());
  for (const char* key : {"host", "hosts", "ssh_user", "ssh_port", "ssh_key"}) {
    if (words->contains(key))
      return fail(ErrorKind::kInvalid, "a cluster has url=, or {}= for ssh, not both", key);
  }
  const Result<wire::JoinWord> word = wire::parse_join_word(words->value(kUrl, ""));
  if (!word) return Failure(word.error());
  if (cluster.name.find('/') != std::string::npos) {
    return fail(ErrorKind::kInvalid, "'{}' can't be the name of a node, because of its /",
                wire::valid_utf8(cluster.name));
  }
  if (const Status checked = check_word("name", cluster.name); !checked)
    return Failure(checked.error());
  HostSpec host;
  read_labels(*words, host);
  host.cluster = host.node = cluster.name;
  host.host = word->host;
  host.port = word->port;
  host.fingerprint = wire::find_string(*words, kFingerprint).value_or("");
  host.token = wire::find_string(*words, kToken).value_or("");
  if (host.fingerprint.empty() || host.token.empty()) {
    return fail(
        ErrorKind::kInvalid,
        "{} lacks the {}: give url= the whole word that `leanto token create --join` prints on "
        "that machine, or fingerprint= and token= beside it",
        word->url(), host.fingerprint.empty() ? "fingerprint" : "token");
  }
  if (host.node.size() > kMaxName)
    return fail(ErrorKind::kInvalid, "the name of a node has at most {} bytes", kMaxName);
  cluster.hosts.push_back(std::move(host));
  return cluster;
}

}  // namespace

bool HostSpec::reached_as(const HostSpec& other) const {
  return std::tie(host, user, port, key, fingerprint) ==
         std::tie(other.host, other.user, other.port, other.key, other.fingerprint);
}

bool is_elsewhere(std::string_view provider) { return provider == "ssh" || provider == "direct"; }

Result<ClusterSpec> parse_cluster(const std::string& name, const Json& words) {
  ClusterSpec cluster;
  cluster.name = name;
  if (const Status read = read_requirements(words, cluster.requirements); !read)
    return Failure(read.error());
  Result<std::vector<std::string>> policies = read_policies(words);
  if (!policies) return Failure(policies.error());
  cluster.policies = *std::move(policies);
  if (words.contains(kUrl)) return parse_direct(std::move(cluster), words);
  const Result<std::vector<std::string>> hosts = read_hosts(words);
  if (!hosts) return Failure(hosts.error());
  for (const char* key : {kFingerprint, kToken}) {
    if (words.contains(key))
      return fail(ErrorKind::kInvalid, "{}= goes with url=, the address of a node", key);
  }
  if (!hosts->empty() && name.find('/') != std::string::npos) {
    return fail(ErrorKind::kInvalid,
                "'{}' can't be the name of a cluster of hosts, because of its /: "
                "CLUSTER/HOST names one of its nodes",
                wire::valid_utf8(name));
  }
  if (!hosts->empty()) {
    if (const Status checked = check_word("name", name); !checked) return Failure(checked.error());
  }
  for (const char* key : {"ssh_user", "ssh_key", "python"}) {
    if (const auto word = words.find(key); word != words.end() && !word->is_string())
      return fail(ErrorKind::kInvalid, "{}= is text", key);
  }
  if (const auto port = words.find("ssh_port"); port != words.end() && !port->is_number_integer())
    return fail(ErrorKind::kInvalid, "ssh_port= is a whole number from 1 to 65535");
  HostSpec common;
  common.cluster = name;
  common.user = wire::find_string(words, "ssh_user").value_or("");
  common.key = wire::find_string(words, "ssh_key").value_or("");
  for (const auto& [what, text] : {std::pair("ssh_user", common.user), {"ssh_key", common.key}}) {
    if (text.empty()) continue;
    if (const Status checked = check_word(what, text); !checked) return Failure(checked.error());
  }
  if (const auto port = wire::find_number(words, "ssh_port")) {
    if (!(*port >= 1 && *port <= 65535))
      return fail(ErrorKind::kInvalid, "ssh_port={} is no port: 1 to 65535", *port);
    common.port = static_cast<int>(*port);
  }
  read_labels(words, common);
  if (const auto variables = words.find(kEnvironment);
      variables != words.end() && variables->is_object()) {
    for (const auto& [key, value] : variables->items()) {
      if (value.is_string()) common.environment.push_back(key + "=" + value.get<std::string>());
    }
  }
  for (const std::string& host : *hosts) {
    HostSpec one = common;
    one.host = host;
    one.node = hosts->size() == 1 ? name : fmt::format("{}/{}", name, host);
    if (one.node.size() > kMaxName)
      return fail(ErrorKind::kInvalid, "'{}' is longer than the {} bytes that a node's name has",
                  wire::valid_utf8(one.node), kMaxName);
    const SshHost ssh{one.host, one.user, one.port, one.key};
    if (const Status checked = check(ssh); !checked) return Failure(checked.error());
    cluster.hosts.push_back(std::move(one));
  }
  if (cluster.hosts.empty() && (!common.user.empty() || !common.key.empty() || common.port != 0))
    return fail(ErrorKind::kInvalid, "ssh_user, ssh_port and ssh_key go with host= or hosts=[...]");
  return cluster;
}

Json words_to_keep(Json words) {
  for (const char* key : {kEnvironment, kChosen, kChosenPath, kPrice, kLabels}) words.erase(key);
  return words;
}

Result<Json> normal_words(Json words) {
  if (!words.contains(kUrl)) return words;
  const Result<wire::JoinWord> word =
      wire::parse_join_word(wire::find_string(words, kUrl).value_or(""));
  if (!word) return Failure(word.error());
  words[kUrl] = word->url();
  for (const auto& [key, said] :
       {std::pair<const char*, const std::string&>(kFingerprint, word->fingerprint),
        {kToken, word->token}}) {
    if (said.empty()) continue;
    if (words.contains(key) && words[key] != said)
      return fail(ErrorKind::kInvalid, "the {} is in url= already, and another one", key);
    words[key] = said;
  }
  if (const auto said = wire::find_string(words, kFingerprint)) {
    const auto fingerprint = net::parse_fingerprint(*said);
    if (!fingerprint) {
      return fail(ErrorKind::kInvalid,
                  "the fingerprint is not one: 64 hex digits, as `leanto status` shows it there");
    }
    words[kFingerprint] = *fingerprint;
  }
  return words;
}

Json words_to_show(Json words) {
  if (words.is_object()) words.erase(kToken);
  return words;
}

std::string describe_difference(const Json& with_secrets_before, const Json& with_secrets_now) {
  const Json before = words_to_show(with_secrets_before);
  const Json now = words_to_show(with_secrets_now);
  std::set<std::string> keys;
  for (const Json* words : {&before, &now}) {
    if (!words->is_object()) continue;
    for (const auto& [key, value] : words->items()) keys.insert(key);
  }
  std::string text;
  auto show = [](const Json& words, const std::string& key) {
    const auto found = words.find(key);
    return found == words.end() ? std::string("not given")
                                : found->dump(-1, ' ', false, Json::error_handler_t::replace);
  };
  for (const std::string& key : keys) {
    const std::string was = show(before, key);
    const std::string is = show(now, key);
    if (was == is) continue;
    if (!text.empty()) text += "; ";
    text += fmt::format("{} was {} and is {}", key, was, is);
  }
  return text;
}

}  // namespace leanto::node
