// What a power cut would leave of a database's log, for tests that kill the daemon: a process that
// is killed loses nothing that it wrote, synced or not, so a sync that is missing would never show.
//
// In a binary with failpoints the length up to which the log of runs.sqlite is synced is kept in
// the file `runs.sqlite-synced` beside it. The failpoint `store.open=lose` has the next daemon cut
// the log there before it opens it. Only the log is treated so: it's what a commit syncs. That the
// database itself is synced before its log is used anew is left to SQLite.
#pragma once

#ifdef LEANTO_FAILPOINTS

#include <filesystem>

#include "base/result.h"

namespace leanto {

// To be called before `database` is opened, once in a process.
Status watch_synced_wal(const std::filesystem::path& database);

}  // namespace leanto

#endif
