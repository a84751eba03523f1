// The node's durable memory, in one SQLite file: which services, names, clusters and images there
// are, which objects there were, and what the environments' zygotes learned to import.
//
// Blocking, and used by one thread at a time (a background thread, never the loop). Nothing here
// knows what a spec says: it is text. Times are milliseconds since 1970.
//
// It's kept in WAL mode with synchronous=NORMAL: a crash of the daemon loses nothing, a power cut
// may lose the last changes but never damages the file. That is enough for what can be made again
// by sending the code once more, and costs 15 us instead of 200. (Runs, whose promise is "on disk",
// will need FULL.)
//
// Errors beside those named below: kInternal (damaged: the message has the way out), kCapacity
// (disk full), kAccessDenied, kTimeout (another process holds the file).
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/sqlite.h"

namespace leanto {

struct ServiceRecord {
  std::string version;  // 32 hex digits
  std::string name;
  std::string project;
  std::string spec;
  std::int64_t created_at = 0;

  friend bool operator==(const ServiceRecord&, const ServiceRecord&) = default;
};

// A name that a user saved, and the version that it stands for.
struct NameRecord {
  std::string name;
  std::string version;
  std::int64_t saved_at = 0;

  friend bool operator==(const NameRecord&, const NameRecord&) = default;
};

enum class ObjectKind { kLive, kValue };

struct ObjectRecord {
  std::string id;
  std::optional<std::string> name;
  ObjectKind kind = ObjectKind::kLive;
  std::optional<std::string> version;  // of its service; values have none
  std::int64_t generation = 1;
  std::int64_t created_at = 0;
  std::optional<std::int64_t> ended_at;  // absent: it should be in some worker's memory
  std::string end_reason;

  friend bool operator==(const ObjectRecord&, const ObjectRecord&) = default;
};

struct ClusterRecord {
  std::string name;
  std::string spec;
  std::int64_t created_at = 0;

  friend bool operator==(const ClusterRecord&, const ClusterRecord&) = default;
};

// What a bearer of a token may do, and until when. The token itself is nowhere: only its digest.
struct TokenRecord {
  std::string id;
  std::string digest;  // SHA-256 in hex
  std::string rights;  // "call,admin"
  std::int64_t created_at = 0;
  std::int64_t expires_at = 0;

  friend bool operator==(const TokenRecord&, const TokenRecord&) = default;
};

// An environment that was built on this node.
struct ImageRecord {
  std::string digest;  // 32 hex digits
  std::string spec;
  std::int64_t size = 0;  // bytes on disk
  std::int64_t created_at = 0;
  std::int64_t used_at = 0;

  friend bool operator==(const ImageRecord&, const ImageRecord&) = default;
};

struct RefusedImport {
  std::string module;
  std::string reason;

  friend bool operator==(const RefusedImport&, const RefusedImport&) = default;
};

inline constexpr std::size_t kMaxLearnedImports = 5000;  // an environment

class Ledger {
 public:
  // Makes the file, or brings it to this program's schema. A file from a newer program is refused
  // (kInvalid) and left as it is.
  static Result<Ledger> open(const std::filesystem::path& path);

  // Services. Putting a version again replaces its record, so it becomes the newest if its time
  // says so.
  Status put_service(const ServiceRecord& service);
  Result<std::optional<ServiceRecord>> find_service(std::string_view version);
  Result<std::vector<ServiceRecord>> services();    // newest first
  Status remove_service(std::string_view version);  // not there: nothing to do

  // Names. Setting one again moves it. `version` need not be among the services.
  Status set_name(const NameRecord& name);
  Result<std::optional<NameRecord>> find_name(std::string_view name);
  Result<std::vector<NameRecord>> names();    // by name
  Status remove_name(std::string_view name);  // kNotFound

  // Objects. A record outlives its object, so that callers can be told that it was here and how it
  // ended. A name belongs to one object: one that has ended loses it to the next, one that has not
  // makes it kAlreadyExists.
  Status put_object(const ObjectRecord& object);
  Result<std::optional<ObjectRecord>> find_object(std::string_view name);
  Result<std::optional<ObjectRecord>> find_object_by_id(std::string_view id);
  Result<std::vector<ObjectRecord>> objects();  // newest first
  // kNotFound. What ended already keeps its first end.
  Status end_object(std::string_view id, std::string_view reason, std::int64_t ended_at);
  // At the start of a daemon: nothing in memory outlived the one before. Returns how many ended
  // now.
  Result<std::int64_t> end_all_live(std::string_view reason, std::int64_t ended_at);
  Status rename_object(std::string_view id, const std::optional<std::string>& name);  // kNotFound
  Status remove_object(std::string_view id);                                          // kNotFound
  // Forgets all ended objects but the `keep` that ended last.
  Status prune_ended_objects(std::int64_t keep);

  // Clusters. Putting the same words again does nothing; other words are kAlreadyExists, with both.
  Status put_cluster(const ClusterRecord& cluster);
  Result<std::optional<ClusterRecord>> find_cluster(std::string_view name);
  Result<std::vector<ClusterRecord>> clusters();  // by name
  Status remove_cluster(std::string_view name);   // kNotFound

  // Tokens.
  Status put_token(const TokenRecord& token);
  Result<std::vector<TokenRecord>> tokens();  // oldest first
  Status remove_token(std::string_view id);   // kNotFound
  // Images. Putting one again replaces its record.
  Status put_image(const ImageRecord& image);
  Status use_image(std::string_view digest, std::int64_t used_at);  // not there: nothing to do
  Result<std::optional<ImageRecord>> find_image(std::string_view digest);
  Result<std::vector<ImageRecord>> images();     // used last first
  Status remove_image(std::string_view digest);  // not there: nothing to do

  // Imports of an environment, in the order in which they were learned; beyond kMaxLearnedImports
  // nothing is learned any more. What was refused (with a reason: "starts a thread") is forgotten
  // and not learned again.
  Status learn_imports(std::string_view environment, std::span<const std::string> modules);
  Result<std::vector<std::string>> imports(std::string_view environment);
  Status forget_import(std::string_view environment, std::string_view module);
  Status refuse_import(std::string_view environment, std::string_view module,
                       std::string_view reason);
  Result<std::vector<RefusedImport>> refused_imports(std::string_view environment);  // by module

 private:
  explicit Ledger(Database database) : database_(std::move(database)) {}

  Database database_;
};

}  // namespace leanto
