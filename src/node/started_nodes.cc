#include "node/started_nodes.h"

#include <utility>

#include "base/digest.h"
#include "os/files.h"

namespace leanto::node {

using wire::Json;

namespace {

constexpr std::size_t kNameSize = 32;  // of a file: enough of a digest to tell hosts apart

std::string text_of(const StartedNodes::Record& record) {
  const HostSpec& host = record.host;
  const Json json = {{"cluster", host.cluster},
                     {"node", host.node},
                     {"host", host.host},
                     {"user", host.user},
                     {"port", host.port},
                     {"key", host.key},
                     {"started_at", record.started_at}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::optional<StartedNodes::Record> record_of(const std::string& text) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  auto word = [&json](const char* name) { return wire::find_string(json, name).value_or(""); };
  StartedNodes::Record record;
  record.host.cluster = word("cluster");
  record.host.node = word("node");
  record.host.host = word("host");
  record.host.user = word("user");
  record.host.key = word("key");
  record.host.port = static_cast<int>(wire::find_number(json, "port").value_or(0));
  record.started_at = static_cast<std::int64_t>(wire::find_number(json, "started_at").value_or(0));
  if (record.host.host.empty()) return std::nullopt;
  return record;
}

Result<std::vector<StartedNodes::Record>> read_all(const std::string& path) {
  std::vector<StartedNodes::Record> records;
  const Result<UniqueFd> directory = open_directory_at(AT_FDCWD, path);
  if (!directory) {
    if (directory.error().kind == ErrorKind::kNotFound) return records;
    return Failure(directory.error());
  }
  const Result<std::vector<DirectoryItem>> items = list_directory(directory->get(), path);
  if (!items) return Failure(items.error());
  for (const DirectoryItem& item : *items) {
    const Result<std::string> text = read_file(path + "/" + item.name);
    std::optional<StartedNodes::Record> record = text ? record_of(*text) : std::nullopt;
    if (record) records.push_back(*std::move(record));
  }
  return records;
}

}  // namespace

std::filesystem::path StartedNodes::file_of(const HostSpec& host) const {
  const std::string place =
      fmt::format("{}\n{}\n{}\n{}", host.host, host.user, host.port, host.key);
  return directory_ / Digest::of(place).hex().substr(0, kNameSize);
}

net::Task<Status> StartedNodes::note(HostSpec host) {
  if (host.is_direct()) co_return Status();
  const auto now =
      std::chrono::duration_cast<std::chrono::milliseconds>(clock_.wall().time_since_epoch());
  const std::string text = text_of({host, now.count()});
  auto write = [directory = directory_.string(), file = file_of(host).string(), text]() -> Status {
    if (Status made = make_directories(directory, 0700); !made) return made;
    return write_file_atomically(file, text, 0600, Durability::kDisk);
  };
  co_return co_await loop_.in_background(std::move(write));
}

net::Task<Status> StartedNodes::clear(HostSpec host) {
  auto remove = [file = file_of(host).string()] { return remove_tree_at(AT_FDCWD, file); };
  co_return co_await loop_.in_background(std::move(remove));
}

net::Task<Result<std::vector<StartedNodes::Record>>> StartedNodes::all() {
  auto read = [path = directory_.string()] { return read_all(path); };
  co_return co_await loop_.in_background(std::move(read));
}

}  // namespace leanto::node
