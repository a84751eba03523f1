#include "node/config.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "base/byte_size.h"
#include "base/duration.h"
#include "base/nearest.h"
#include "os/files.h"
#include "os/toml.h"

namespace leanto {
namespace {

constexpr std::uint64_t kMaxFrameBytes = std::uint64_t{16} << 30;  // docs/wire.md
constexpr double kMaxPrice = 1e6;

using Place = TomlPlace;

Status read_whole(const Place& place, std::int64_t least, std::int64_t most, std::int64_t& into) {
  const auto* const number = place.node.as_integer();
  if (number == nullptr || number->get() < least || number->get() > most) {
    return place.wrong("must be a whole number from {} to {}", least, most);
  }
  into = number->get();
  return {};
}

Status read_size(const Place& place, std::uint64_t& into) {
  const auto* const text = place.node.as_string();
  if (text == nullptr) return place.wrong("must be an amount of bytes like \"512MB\", in quotes");
  const auto size = parse_byte_size(text->get());
  if (!size) return place.wrong("is wrong: {}", size.error().message);
  into = *size;
  return {};
}

Status read_accelerators(const Place& place, NodeConfig& config) {
  const toml::table* const table = place.node.as_table();
  if (table == nullptr) return place.wrong("must be a table like {{A10G = 1}}");
  for (const auto& [kind, node] : *table) {
    const std::string name(kind.str());
    const Place entry{place.path, place.key + "." + name.substr(0, 64), node};
    if (!is_accelerator_kind(name)) return entry.wrong("is no name of an accelerator like A10G");
    std::int64_t count = 0;
    if (auto read = read_whole(entry, 1, kMaxAccelerators, count); !read) return read;
    if (!config.accelerators.emplace(name, static_cast<int>(count)).second) {
      return entry.wrong("is there twice; case does not count");
    }
  }
  return {};
}

Status read_price(const Place& place, NodeConfig& config) {
  const auto price = place.node.is_number() ? place.node.value<double>() : std::nullopt;
  if (!price || !std::isfinite(*price) || *price < 0 || *price > kMaxPrice) {
    return place.wrong("must be a price like 1.21, not negative");
  }
  config.price_per_hour = *price;
  return {};
}

Status read_max_frame_size(const Place& place, NodeConfig& config) {
  if (auto read = read_size(place, config.max_frame_bytes); !read) return read;
  if (config.max_frame_bytes <= kMaxFrameBytes) return {};
  return place.wrong("must not be more than 16GiB");
}

Status read_max_files(const Place& place, NodeConfig& config) {
  std::int64_t count = 0;
  auto read = read_whole(place, 1, std::numeric_limits<std::int32_t>::max(), count);
  config.snapshots.files = static_cast<std::uint64_t>(count);
  return read;
}

Status read_snapshot_size(const Place& place, NodeConfig& config) {
  return read_size(place, config.snapshots.bytes);
}

Status read_duration(const Place& place, Duration& into) {
  const auto* const text = place.node.as_string();
  if (text == nullptr) return place.wrong("must be a length of time like \"10m\", in quotes");
  const auto duration = parse_duration(text->get());
  if (!duration) return place.wrong("is wrong: {}", duration.error().message);
  into = *duration;
  return {};
}

Status read_idle_timeout(const Place& place, NodeConfig& config) {
  return read_duration(place, config.worker_idle_timeout);
}

Status read_memory_limits(const Place& place, NodeConfig& config) {
  const auto* const text = place.node.as_string();
  if (text == nullptr || (text->get() != "cgroup" && text->get() != "watched"))
    return place.wrong("must be \"cgroup\" or \"watched\"");
  config.memory_limits = text->get() == "cgroup" ? LimitBy::kGroups : LimitBy::kWatching;
  return {};
}

Status read_log_size(const Place& place, NodeConfig& config) {
  return read_size(place, config.max_log_bytes);
}

Status read_values_memory(const Place& place, NodeConfig& config) {
  return read_size(place, config.values.memory_bytes.emplace());
}

Status read_values_disk(const Place& place, NodeConfig& config) {
  return read_size(place, config.values.disk_bytes.emplace());
}

Status read_over_memory(const Place& place, NodeConfig& config) {
  const auto* const text = place.node.as_string();
  if (text == nullptr || (text->get() != "disk" && text->get() != "refuse"))
    return place.wrong("must be \"disk\" or \"refuse\"");
  config.values.over_memory =
      text->get() == "disk" ? node::OverMemory::kToDisk : node::OverMemory::kRefused;
  return {};
}

Status read_runs_keep(const Place& place, NodeConfig& config) {
  Duration keep{};
  auto read = read_duration(place, keep);
  config.runs.keep_ms = std::chrono::duration_cast<std::chrono::milliseconds>(keep).count();
  return read;
}

Status read_runs_count(const Place& place, NodeConfig& config) {
  return read_whole(place, 0, 100'000'000, config.runs.max_count);
}

Status read_runs_size(const Place& place, NodeConfig& config) {
  std::uint64_t bytes = 0;
  auto read = read_size(place, bytes);
  config.runs.max_bytes = static_cast<std::int64_t>(
      std::min<std::uint64_t>(bytes, std::numeric_limits<std::int64_t>::max()));
  return read;
}

Status read_run_value_size(const Place& place, NodeConfig& config) {
  return read_size(place, config.max_run_value_bytes);
}

// A scheme, a name and perhaps a port, as browsers send it: no path, no wildcard.
bool is_origin(std::string_view text) {
  const std::size_t scheme = text.find("://");
  if (scheme == 0 || scheme == std::string_view::npos) return false;
  const std::string_view host = text.substr(scheme + 3);
  const auto fits = [](char c) { return c > ' ' && c < 0x7f && c != '/' && c != '*' && c != '?'; };
  return !host.empty() && std::all_of(host.begin(), host.end(), fits);
}

Status read_listen(const Place& place, NodeConfig& config) {
  const auto* const text = place.node.as_string();
  if (text == nullptr) return place.wrong("must be an address like \"127.0.0.1:8080\"");
  const auto address = parse_tcp_address(text->get());
  if (!address) return place.wrong("is wrong: {}", address.error().message);
  config.http.listen = *address;
  return {};
}

Status read_origins(const Place& place, NodeConfig& config) {
  const toml::array* const list = place.node.as_array();
  if (list == nullptr) return place.wrong("must be a list like [\"https://app.example.org\"]");
  for (const toml::node& each : *list) {
    const auto origin = each.value<std::string>();
    if (!each.is_string() || !is_origin(*origin)) {
      return place.wrong(
          "must have origins as a browser sends them, like \"https://app.example.org\" or "
          "\"http://localhost:3000\"");
    }
    config.http.origins.push_back(*origin);
  }
  return {};
}

Status read_ssh_command(const Place& place, NodeConfig& config) {
  const toml::array* const list = place.node.as_array();
  std::vector<std::string> words;
  if (list != nullptr) {
    for (const toml::node& each : *list) {
      const auto word = each.value<std::string>();
      if (each.is_string() && !word->empty()) words.push_back(*word);
    }
  }
  if (words.empty() || words.size() != list->size())
    return place.wrong("must be a list of words like [\"ssh\", \"-F\", \"/etc/team/ssh\"]");
  config.ssh_command = std::move(words);
  return {};
}

// A key and what reads it; a section has keys of its own instead.
struct Key {
  std::string name;
  Status (*read)(const Place&, NodeConfig&) = nullptr;
  std::vector<Key> section{};
};

const std::vector<Key>& known_keys() {
  static const std::vector<Key> kKeys{
      {"accelerators", read_accelerators},
      {"price_per_hour", read_price},
      {"max_frame_size", read_max_frame_size},
      {"snapshots", nullptr, {{"max_files", read_max_files}, {"max_size", read_snapshot_size}}},
      {"workers",
       nullptr,
       {{"idle_timeout", read_idle_timeout}, {"memory_limits", read_memory_limits}}},
      {"values",
       nullptr,
       {{"memory", read_values_memory},
        {"over_memory", read_over_memory},
        {"disk", read_values_disk}}},
      {"logs", nullptr, {{"max_size", read_log_size}}},
      {"runs",
       nullptr,
       {{"keep", read_runs_keep},
        {"max_count", read_runs_count},
        {"max_size", read_runs_size},
        {"max_value_size", read_run_value_size}}},
      {"ssh", nullptr, {{"command", read_ssh_command}}},
      {"http", nullptr, {{"listen", read_listen}, {"origins", read_origins}}},
  };
  return kKeys;
}

const Key* find_key(const std::vector<Key>& keys, std::string_view name) {
  for (const Key& key : keys) {
    if (key.name == name) return &key;
  }
  return nullptr;
}

Failure unknown(const Place& place, std::string_view name, const std::vector<Key>& keys) {
  std::vector<std::string> names;
  for (const Key& key : keys) names.push_back(key.name);
  const std::string hint = did_you_mean(name, names);
  if (!hint.empty()) return place.wrong("is no key that leanto knows{}", hint);
  std::string list;
  for (const std::string& each : names) list += (list.empty() ? "" : ", ") + each;
  return place.wrong("is no key that leanto knows; there are: {}", list);
}

Status read_table(const toml::table& table, const std::vector<Key>& keys, const std::string& prefix,
                  const std::string& path, NodeConfig& config) {
  for (const auto& [toml_key, node] : table) {
    const std::string name(toml_key.str());
    const Place place{path, prefix + name.substr(0, 64), node};
    const Key* const key = find_key(keys, name);
    if (key == nullptr) return unknown(place, name, keys);
    if (key->section.empty()) {
      if (auto read = key->read(place, config); !read) return read;
      continue;
    }
    const toml::table* const section = node.as_table();
    if (section == nullptr) return place.wrong("must be a section: [{}]", name);
    if (auto read = read_table(*section, key->section, name + ".", path, config); !read) {
      return read;
    }
  }
  return {};
}

}  // namespace

Result<NodeConfig> parse_node_config(std::string_view text, const std::string& path) {
  const toml::parse_result parsed = toml::parse(with_ascii_only(text));
  if (!parsed) {
    const toml::parse_error& error = parsed.error();
    return fail(ErrorKind::kInvalid, "{}, line {}: this is not TOML: {}", path,
                error.source().begin.line, error.description());
  }
  NodeConfig config;
  if (auto read = read_table(parsed.table(), known_keys(), "", path, config); !read) {
    return Failure(read.error());
  }
  return config;
}

Result<NodeConfig> load_node_config(const std::filesystem::path& path) {
  const auto text = read_file(path.string());
  if (text) return parse_node_config(*text, path.string());
  if (text.error().kind == ErrorKind::kNotFound) return NodeConfig();
  return Failure(text.error());
}

}  // namespace leanto
