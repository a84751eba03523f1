#include "os/files.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

#include "os/no_room.h"

namespace leanto {

namespace {

constexpr int kDirectoryFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;

ErrorKind kind_of(int error_number) {
  switch (error_number) {
    case ENOENT:
    case ENOTDIR:
      return ErrorKind::kNotFound;
    case EACCES:
    case EPERM:
    case EROFS:
      return ErrorKind::kAccessDenied;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
    case EMFILE:
    case ENFILE:
      return ErrorKind::kCapacity;
    default:
      return ErrorKind::kInternal;
  }
}

FileKind kind_of_mode(mode_t mode) {
  if (S_ISREG(mode)) return FileKind::kRegular;
  if (S_ISDIR(mode)) return FileKind::kDirectory;
  if (S_ISLNK(mode)) return FileKind::kSymlink;
  return FileKind::kOther;
}

std::int64_t nanoseconds(const timespec& time) {
  return static_cast<std::int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

FileStat from_kernel(const struct stat& raw) {
  return {.kind = kind_of_mode(raw.st_mode),
          .permissions = raw.st_mode & 07777,
          .size = static_cast<std::uint64_t>(raw.st_size),
          .mtime_ns = nanoseconds(raw.st_mtim),
          .ctime_ns = nanoseconds(raw.st_ctim),
          .inode = raw.st_ino,
          .device = raw.st_dev};
}

// Some file systems don't say in the listing what an entry is.
FileKind kind_of_entry(int directory, const dirent& entry) {
  switch (entry.d_type) {
    case DT_REG:
      return FileKind::kRegular;
    case DT_DIR:
      return FileKind::kDirectory;
    case DT_LNK:
      return FileKind::kSymlink;
    case DT_UNKNOWN: {
      struct stat raw{};
      if (::fstatat(directory, entry.d_name, &raw, AT_SYMLINK_NOFOLLOW) != 0)
        return FileKind::kOther;
      return kind_of_mode(raw.st_mode);
    }
    default:
      return FileKind::kOther;
  }
}

std::string directory_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

Status sync_directory(const std::string& path) {
  const Result<UniqueFd> directory = open_at(AT_FDCWD, path, O_RDONLY | O_DIRECTORY);
  if (!directory) return tl::unexpected(directory.error());
  if (::fsync(directory->get()) != 0) return file_failure(errno, "sync", path);
  return {};
}

Status write_and_close(UniqueFd fd, std::string_view bytes, const std::string& path,
                       Durability durability) {
  if (Status written = write_all(fd.get(), bytes, path); !written) return written;
  if (durability == Durability::kDisk && ::fsync(fd.get()) != 0) {
    return file_failure(errno, "sync", path);
  }
  return {};
}

Status remove_contents(int directory, const std::string& path) {
  Result<std::vector<DirectoryItem>> items = list_directory(directory, path);
  if (!items) return tl::unexpected(items.error());
  for (const DirectoryItem& item : *items) {
    if (Status removed = remove_tree_at(directory, item.name); !removed) return removed;
  }
  return {};
}

Status remove_directory_at(int directory, const std::string& name) {
  Result<UniqueFd> inner = open_directory_at(directory, name);
  if (!inner && inner.error().kind == ErrorKind::kAccessDenied)
    inner = Result<UniqueFd>(UniqueFd());
  if (!inner) return tl::unexpected(inner.error());
  // Whoever owns the directory may take its permissions away and give them back.
  struct stat raw{};
  if (::fstatat(directory, name.c_str(), &raw, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(raw.st_mode) &&
      (raw.st_mode & S_IRWXU) != S_IRWXU) {
    (void)::fchmodat(directory, name.c_str(), 0700, 0);
    inner = open_directory_at(directory, name);
    if (!inner) return tl::unexpected(inner.error());
  }
  if (!*inner) return file_failure(EACCES, "open directory", name);
  if (Status emptied = remove_contents(inner->get(), name); !emptied) return emptied;
  if (::unlinkat(directory, name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT) {
    return file_failure(errno, "remove directory", name);
  }
  return {};
}

}  // namespace

Failure file_failure(int error_number, std::string_view attempted, std::string_view path) {
  if (is_no_room(error_number)) {
    return fail(ErrorKind::kCapacity, "{} {}: {}; make room there and do it again", attempted, path,
                describe_no_room(error_number));
  }
  return fail_errno(kind_of(error_number), error_number, fmt::format("{} {}", attempted, path));
}

Result<FileStat> stat_at(int directory, const std::string& name) {
  struct stat raw{};
  if (::fstatat(directory, name.c_str(), &raw, AT_SYMLINK_NOFOLLOW) != 0) {
    return file_failure(errno, "look at", name);
  }
  return from_kernel(raw);
}

Result<FileStat> stat_fd(int fd, std::string_view path) {
  struct stat raw{};
  if (::fstat(fd, &raw) != 0) return file_failure(errno, "look at", path);
  return from_kernel(raw);
}

Result<UniqueFd> open_at(int directory, const std::string& name, int flags, mode_t mode) {
  UniqueFd fd(::openat(directory, name.c_str(), flags | O_CLOEXEC, mode));
  if (!fd) return file_failure(errno, "open", name);
  return fd;
}

Result<UniqueFd> open_directory_at(int directory, const std::string& name) {
  return open_at(directory, name, kDirectoryFlags);
}

Result<std::vector<DirectoryItem>> list_directory(int directory, std::string_view path) {
  // readdir() wants to own its descriptor; a fresh open also starts at the first entry.
  UniqueFd own(::openat(directory, ".", kDirectoryFlags | O_CLOEXEC));
  if (!own) return file_failure(errno, "list", path);
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(own.get()), ::closedir);
  if (stream == nullptr) return file_failure(errno, "list", path);
  const int fd = own.release();
  std::vector<DirectoryItem> items;
  for (errno = 0; const dirent* entry = ::readdir(stream.get()); errno = 0) {
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    items.push_back({std::string(name), kind_of_entry(fd, *entry)});
  }
  if (errno != 0) return file_failure(errno, "list", path);
  return items;
}

Result<std::string> read_link_at(int directory, const std::string& name) {
  std::array<char, 4097> buffer{};  // PATH_MAX, which is the longest that symlink() takes
  const ssize_t size = ::readlinkat(directory, name.c_str(), buffer.data(), buffer.size());
  if (size < 0) return file_failure(errno, "read link", name);
  return std::string(buffer.data(), static_cast<std::size_t>(size));
}

Result<std::string> read_file(const std::string& path) {
  const Result<UniqueFd> fd = open_at(AT_FDCWD, path, O_RDONLY);
  if (!fd) return tl::unexpected(fd.error());
  return read_fd(fd->get(), path);
}

Result<std::string> read_fd(int fd, std::string_view path) {
  const Result<FileStat> stat = stat_fd(fd, path);
  if (!stat) return tl::unexpected(stat.error());
  std::string bytes(stat->size + 1, '\0');  // one more, so that the last read sees the end
  std::size_t filled = 0;
  while (true) {
    if (filled == bytes.size()) bytes.resize(bytes.size() * 2);
    const ssize_t count = ::read(fd, bytes.data() + filled, bytes.size() - filled);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return file_failure(errno, "read", path);
    if (count == 0) break;
    filled += static_cast<std::size_t>(count);
  }
  bytes.resize(filled);
  return bytes;
}

Status write_all(int fd, std::string_view bytes, std::string_view path) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return file_failure(errno, "write", path);
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return {};
}

Status write_file_atomically(const std::string& path, std::string_view bytes, mode_t mode,
                             Durability durability) {
  const std::string temporary = path + ".new";
  Result<UniqueFd> fd =
      open_at(AT_FDCWD, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode);
  if (!fd) return tl::unexpected(fd.error());
  if (Status written = write_and_close(std::move(*fd), bytes, path, durability); !written) {
    (void)::unlink(temporary.c_str());
    return written;
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) return file_failure(errno, "replace", path);
  return durability == Durability::kDisk ? sync_directory(directory_of(path)) : Status{};
}

Status make_directories(const std::string& path, mode_t mode) {
  if (::mkdir(path.c_str(), mode) == 0) return {};
  if (errno == ENOENT && directory_of(path) != path) {
    if (Status above = make_directories(directory_of(path), mode); !above) return above;
    if (::mkdir(path.c_str(), mode) == 0) return {};
  }
  if (errno != EEXIST) return file_failure(errno, "make directory", path);
  struct stat raw{};
  if (::stat(path.c_str(), &raw) == 0 && S_ISDIR(raw.st_mode)) return {};
  return file_failure(ENOTDIR, "make directory", path);
}

Status remove_tree_at(int directory, const std::string& name) {
  if (::unlinkat(directory, name.c_str(), 0) == 0 || errno == ENOENT) return {};
  if (errno != EISDIR && errno != EPERM) return file_failure(errno, "remove", name);
  return remove_directory_at(directory, name);
}

}  // namespace leanto
