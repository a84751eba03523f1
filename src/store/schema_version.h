// Which schema the databases of a state directory have, without opening them as databases: nothing
// is locked or written, so a running daemon doesn't mind.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace leanto {

struct SchemaVersion {
  std::string file;         // "ledger.sqlite"
  std::int64_t found = 0;   // as of the last checkpoint; 0: a new database
  std::int64_t newest = 0;  // that this program knows

  friend bool operator==(const SchemaVersion&, const SchemaVersion&) = default;
};

// Of the databases that are there. kProtocol for a file that is no SQLite database.
Result<std::vector<SchemaVersion>> read_schema_versions(const std::filesystem::path& state);

// PRAGMA user_version, from the first 100 bytes of a database. Nothing: it's none.
std::optional<std::int64_t> user_version_of(std::string_view header);

}  // namespace leanto
