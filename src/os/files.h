// Plain files, with the system's errors as Results. Paths are bytes, as the kernel has them;
// nothing here follows a symbolic link in the last component except where it says so.
//
// Kinds of errors: kNotFound (no such file), kAccessDenied, kCapacity (disk full, no more
// descriptors), kInternal for the rest.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "os/unique_fd.h"

namespace leanto {

enum class FileKind : std::uint8_t { kRegular, kDirectory, kSymlink, kOther };

// What tells whether a file is still the one that was seen before.
struct FileStat {
  FileKind kind = FileKind::kOther;
  mode_t permissions = 0;  // the lower twelve bits of the mode
  std::uint64_t size = 0;
  std::int64_t mtime_ns = 0;
  std::int64_t ctime_ns = 0;
  std::uint64_t inode = 0;
  std::uint64_t device = 0;

  bool is_executable() const { return (permissions & S_IXUSR) != 0; }
  friend bool operator==(const FileStat&, const FileStat&) = default;
};

struct DirectoryItem {
  std::string name;
  FileKind kind = FileKind::kOther;
};

// The error for a failed system call: "open /a/b: Permission denied", with the fitting kind.
Failure file_failure(int error_number, std::string_view attempted, std::string_view path);

// `directory` is a descriptor or AT_FDCWD.
Result<FileStat> stat_at(int directory, const std::string& name);
Result<FileStat> stat_fd(int fd, std::string_view path);
inline Result<FileStat> stat_path(const std::string& path) { return stat_at(AT_FDCWD, path); }

// `flags` as for open(2); O_CLOEXEC is always added.
Result<UniqueFd> open_at(int directory, const std::string& name, int flags, mode_t mode = 0);
// Opens a real directory for listing; a symbolic link is refused as kNotFound.
Result<UniqueFd> open_directory_at(int directory, const std::string& name);

// The entries of an open directory without "." and "..", in no order. `path` is for the error.
Result<std::vector<DirectoryItem>> list_directory(int directory, std::string_view path);
Result<std::string> read_link_at(int directory, const std::string& name);

// Follows symbolic links. The second form reads from the descriptor's position to the end.
Result<std::string> read_file(const std::string& path);
Result<std::string> read_fd(int fd, std::string_view path);
Status write_all(int fd, std::string_view bytes, std::string_view path);

enum class Durability { kPageCache, kDisk };  // kDisk: synced, together with its directory

// Readers see the old contents or the new ones, also after a crash of this process; with kDisk also
// after a crash of the machine. Two writers of one path must not run at the same time.
Status write_file_atomically(const std::string& path, std::string_view bytes, mode_t mode = 0644,
                             Durability durability = Durability::kPageCache);

// Also makes the missing directories above it. An existing directory is fine.
Status make_directories(const std::string& path, mode_t mode = 0755);

// Removes a file, a link or a whole directory; what isn't there counts as removed. Never follows a
// symbolic link, and opens up directories that lack permissions.
Status remove_tree_at(int directory, const std::string& name);
inline Status remove_tree(const std::string& path) { return remove_tree_at(AT_FDCWD, path); }

}  // namespace leanto
