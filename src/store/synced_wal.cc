#include "store/synced_wal.h"

#ifdef LEANTO_FAILPOINTS

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <string_view>

#include "os/failpoint.h"
#include "os/files.h"

namespace leanto {

namespace {

// Of the one log of this process that is watched. SQLite's callbacks have no place for a reference.
struct Watched {
  sqlite3_vfs* system = nullptr;
  const sqlite3_io_methods* system_methods = nullptr;
  sqlite3_io_methods methods{};
  std::string wal;
  int record = -1;
  std::int64_t written = 0;  // where the last write ended
  std::int64_t synced = 0;
};

Watched& watched() {
  static Watched log;
  return log;
}

void set_synced(std::int64_t length) {
  Watched& log = watched();
  log.synced = length;
  (void)!::pwrite(log.record, &length, sizeof length, 0);
}

int write_wal(sqlite3_file* file, const void* bytes, int size, sqlite3_int64 offset) {
  Watched& log = watched();
  // A log that is used anew is written from its beginning: from there on nothing is synced.
  if (offset < log.synced) set_synced(offset);
  log.written = offset + size;
  return log.system_methods->xWrite(file, bytes, size, offset);
}

int sync_wal(sqlite3_file* file, int flags) {
  const int code = watched().system_methods->xSync(file, flags);
  if (code == SQLITE_OK) set_synced(watched().written);
  return code;
}

int truncate_wal(sqlite3_file* file, sqlite3_int64 size) {
  if (size < watched().synced) set_synced(size);
  return watched().system_methods->xTruncate(file, size);
}

// SQLite may have resolved links in the path.
bool is_watched(std::string_view name) {
  const std::string& wal = watched().wal;
  return name.ends_with(wal.substr(wal.rfind('/')));
}

int open_file(sqlite3_vfs*, sqlite3_filename name, sqlite3_file* file, int flags, int* got_flags) {
  Watched& log = watched();
  const int code = log.system->xOpen(log.system, name, file, flags, got_flags);
  if (code != SQLITE_OK || name == nullptr || !is_watched(name)) return code;
  log.system_methods = file->pMethods;
  log.methods = *file->pMethods;
  log.methods.xWrite = write_wal;
  log.methods.xSync = sync_wal;
  log.methods.xTruncate = truncate_wal;
  file->pMethods = &log.methods;
  return code;
}

// As a power cut would.
Status lose_unsynced(const std::string& wal, std::int64_t synced) {
  const Result<FileStat> found = stat_path(wal);
  if (!found || static_cast<std::int64_t>(found->size) <= synced) return {};
  if (::truncate(wal.c_str(), synced) != 0) return file_failure(errno, "truncate", wal);
  return {};
}

}  // namespace

Status watch_synced_wal(const std::filesystem::path& database) {
  Watched& log = watched();
  log.wal = database.string() + "-wal";
  const std::string record = database.string() + "-synced";
  Result<UniqueFd> opened = open_at(AT_FDCWD, record, O_RDWR | O_CREAT, 0600);
  if (!opened) return Failure(opened.error());
  log.record = opened->release();
  std::int64_t synced = 0;
  const bool is_known = ::pread(log.record, &synced, sizeof synced, 0) == sizeof synced;
  if (is_known && LEANTO_FAILPOINT_SWITCH("store.open", "lose")) {
    if (Status lost = lose_unsynced(log.wal, synced); !lost) return lost;
  }
  // What is there now has survived, so it will.
  const Result<FileStat> left = stat_path(log.wal);
  set_synced(left ? static_cast<std::int64_t>(left->size) : 0);
  log.written = log.synced;
  static sqlite3_vfs shim;
  log.system = sqlite3_vfs_find(nullptr);
  shim = *log.system;
  shim.zName = "leanto-synced-wal";
  shim.xOpen = open_file;
  if (sqlite3_vfs_register(&shim, 1) != SQLITE_OK)
    return fail(ErrorKind::kInternal, "register the file system of the failpoints with SQLite");
  return {};
}

}  // namespace leanto

#endif
