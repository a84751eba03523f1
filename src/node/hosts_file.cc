#include "node/hosts_file.h"

#include <sys/stat.h>

#include <algorithm>
#include <cmath>
#include <string_view>
#include <utility>
#include <vector>

#include "base/nearest.h"
#include "node/cluster_spec.h"
#include "os/files.h"
#include "os/toml.h"

namespace leanto::node {

using wire::Json;

namespace {

const std::vector<std::string>& known_keys() {
  static const std::vector<std::string> kKeys{"host",    "hosts",  "ssh_user",   "ssh_port",
                                              "ssh_key", "python", "labels",     "price_per_hour",
                                              "url",     "token",  "fingerprint"};
  return kKeys;
}

using Place = TomlPlace;

Result<Json> read_strings(const Place& place) {
  const toml::array* const list = place.node.as_array();
  Json strings = Json::array();
  if (list != nullptr) {
    for (const toml::node& each : *list) {
      if (each.is_string()) strings.push_back(*each.value<std::string>());
    }
  }
  if (list == nullptr || strings.size() != list->size())
    return place.wrong("must be a list of names or addresses like [\"10.0.0.8\", \"10.0.0.9\"]");
  return strings;
}

Result<Json> read_labels(const Place& place) {
  const toml::table* const table = place.node.as_table();
  Json labels = Json::object();
  if (table != nullptr) {
    for (const auto& [key, value] : *table) {
      if (value.is_string()) labels[std::string(key.str())] = *value.value<std::string>();
    }
  }
  if (table == nullptr || labels.size() != table->size())
    return place.wrong("must be a table of texts like {{team = \"vision\"}}");
  return labels;
}

Result<Json> read_value(const Place& place, std::string_view key) {
  if (key == "hosts") return read_strings(place);
  if (key == "labels") return read_labels(place);
  if (key == "ssh_port") {
    const auto* const port = place.node.as_integer();
    if (port == nullptr || port->get() < 1 || port->get() > 65535)
      return place.wrong("must be a port, a whole number from 1 to 65535");
    return Json(port->get());
  }
  if (key == "price_per_hour") {
    const auto price = place.node.is_number() ? place.node.value<double>() : std::nullopt;
    if (!price || !std::isfinite(*price) || *price < 0)
      return place.wrong("must be a price like 1.21, not negative");
    return Json(*price);
  }
  const auto text = place.node.value<std::string>();
  if (!place.node.is_string() || text->empty()) return place.wrong("must be a text, in quotes");
  return Json(*text);
}

Result<Json> read_cluster(const Place& place) {
  const toml::table* const table = place.node.as_table();
  if (table == nullptr) return place.wrong("must be a section: [{}]", place.key);
  Json words = Json::object();
  for (const auto& [toml_key, node] : *table) {
    const std::string key(toml_key.str());
    const Place entry{place.path, place.key + "." + key.substr(0, 64), node};
    const auto& keys = known_keys();
    if (std::find(keys.begin(), keys.end(), key) == keys.end()) {
      const std::string hint = did_you_mean(key, keys);
      return entry.wrong("is no key that leanto knows{}", hint.empty() ? "" : hint);
    }
    Result<Json> value = read_value(entry, key);
    if (!value) return value;
    words[key] = *std::move(value);
  }
  if (words.contains("host") + words.contains("hosts") + words.contains("url") != 1)
    return place.wrong("must have one of host = \"...\", hosts = [...] and url = \"leanto://...\"");
  Result<Json> normal = normal_words(std::move(words));
  if (!normal) return place.wrong("is wrong: {}", normal.error().message);
  const Result<ClusterSpec> cluster = parse_cluster(place.key, *normal);
  if (!cluster) return place.wrong("is wrong: {}", cluster.error().message);
  return normal;
}

bool has_token(const HostsFile& clusters) {
  return std::any_of(clusters.begin(), clusters.end(),
                     [](const auto& cluster) { return cluster.second.contains("token"); });
}

// A token in a file that others may read is theirs, too.
Status check_secrecy(const HostsFile& clusters, const std::string& path) {
  struct stat status{};
  if (!has_token(clusters) || ::stat(path.c_str(), &status) != 0) return {};
  if ((status.st_mode & (S_IRWXG | S_IRWXO)) == 0) return {};
  return fail(ErrorKind::kInvalid, "{0} has a token in it and may be read by others: chmod 600 {0}",
              path);
}

}  // namespace

Result<HostsFile> parse_hosts_file(std::string_view text, const std::string& path) {
  const toml::parse_result parsed = toml::parse(with_ascii_only(text));
  if (!parsed) {
    return fail(ErrorKind::kInvalid, "{}, line {}: this is not TOML: {}", path,
                parsed.error().source().begin.line, parsed.error().description());
  }
  HostsFile clusters;
  for (const auto& [key, node] : parsed.table()) {
    const std::string name(key.str());
    Result<Json> words = read_cluster({path, name.substr(0, 64), node});
    if (!words) return Failure(words.error());
    clusters.emplace(name, *std::move(words));
  }
  return clusters;
}

Result<HostsFile> load_hosts_file(const std::filesystem::path& path) {
  const auto text = read_file(path.string());
  if (text) {
    Result<HostsFile> clusters = parse_hosts_file(*text, path.string());
    if (!clusters) return clusters;
    const Status secret = check_secrecy(*clusters, path.string());
    if (!secret) return Failure(secret.error());
    return clusters;
  }
  if (text.error().kind == ErrorKind::kNotFound) return HostsFile();
  return Failure(text.error());
}

}  // namespace leanto::node
