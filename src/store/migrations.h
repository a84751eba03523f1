// Brings a database to the newest schema: files named NNN_what.sql, applied in the order of NNN,
// each in one transaction. `PRAGMA user_version` remembers the number of the last one.
#pragma once

#include <span>

#include "base/embedded.h"
#include "base/result.h"
#include "store/sqlite.h"

namespace leanto {

// kInvalid for a database that a newer program made, which then stays as it is, also when it's
// closed. For whoever wants to change settings before migrating.
Status refuse_newer(Database& database, std::span<const embedded::EmbeddedFile> migrations);

// Nothing to do costs one read. A database that a newer program made is refused (kInvalid) and not
// changed.
Status migrate(Database& database, std::span<const embedded::EmbeddedFile> migrations);

}  // namespace leanto
