#include "node/host_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "os/files.h"
#include "os/unique_fd.h"

namespace leanto::node {

namespace {

constexpr mode_t kPermissions = 0777;
constexpr mode_t kUsualMode = 0644;

ErrorKind kind_of(int error) {
  if (error == ENOENT || error == ENOTDIR) return ErrorKind::kNotFound;
  if (error == EACCES || error == EPERM || error == EROFS) return ErrorKind::kAccessDenied;
  if (error == ENOSPC || error == EDQUOT) return ErrorKind::kCapacity;
  return ErrorKind::kInvalid;
}

Failure failed(std::string_view what, const std::string& path) {
  return fail_errno(kind_of(errno), errno, fmt::format("{} {}", what, path));
}

Result<std::string> absolute(const std::string& path) {
  if (path.empty() || path.find('\0') != std::string::npos)
    return fail(ErrorKind::kInvalid, "a file has a path");
  if (path.front() == '/') return path;
  const char* const home = std::getenv("HOME");
  if (home == nullptr) return fail(ErrorKind::kInvalid, "HOME is not set on this machine");
  return fmt::format("{}/{}", home, path.starts_with("~/") ? path.substr(2) : path);
}

}  // namespace

Result<FilePiece> read_piece(const std::string& path, std::uint64_t offset, std::uint64_t size) {
  const Result<std::string> whole = absolute(path);
  if (!whole) return Failure(whole.error());
  const UniqueFd file(::open(whole->c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file) return failed("open", *whole);
  struct stat found{};
  if (::fstat(file.get(), &found) != 0) return failed("look at", *whole);
  if (!S_ISREG(found.st_mode)) {
    return fail(ErrorKind::kInvalid, "{} is {}; only files can be fetched", *whole,
                S_ISDIR(found.st_mode) ? "a directory" : "not a regular file");
  }
  FilePiece piece;
  piece.file_size = static_cast<std::uint64_t>(found.st_size);
  piece.mode = found.st_mode & kPermissions;
  piece.bytes.resize(std::min(size, kMaxPiece));
  std::size_t at = 0;
  while (at < piece.bytes.size()) {
    const ssize_t got = ::pread(file.get(), piece.bytes.data() + at, piece.bytes.size() - at,
                                static_cast<off_t>(offset + at));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed("read", *whole);
    if (got == 0) break;
    at += static_cast<std::size_t>(got);
  }
  piece.bytes.resize(at);
  return piece;
}

Result<std::string> write_piece(const std::string& path, std::uint64_t offset,
                                std::string_view bytes, bool is_last, mode_t mode) {
  const Result<std::string> whole = absolute(path);
  if (!whole) return Failure(whole.error());
  struct stat found{};
  if (::stat(whole->c_str(), &found) == 0 && S_ISDIR(found.st_mode))
    return fail(ErrorKind::kInvalid, "{} is a directory; say the file's name in it, too", *whole);
  const std::string part = *whole + ".leanto-part";
  const int flags = O_WRONLY | O_CLOEXEC | O_NOFOLLOW | (offset == 0 ? O_CREAT | O_TRUNC : 0);
  const UniqueFd file(::open(part.c_str(), flags, 0600));
  if (!file) return failed("write", *whole);
  if (::fstat(file.get(), &found) != 0) return failed("look at", part);
  if (static_cast<std::uint64_t>(found.st_size) != offset) {
    return fail(ErrorKind::kInvalid,
                "{} has {} bytes so far, and the next piece begins at {}; "
                "somebody else writes it, too",
                part, found.st_size, offset);
  }
  if (::lseek(file.get(), static_cast<off_t>(offset), SEEK_SET) < 0) return failed("write", *whole);
  if (Status written = write_all(file.get(), bytes, part); !written) {
    (void)::unlink(part.c_str());
    return Failure(written.error());
  }
  if (!is_last) return *whole;
  ::fchmod(file.get(), mode == 0 ? kUsualMode : mode & kPermissions);
  if (::rename(part.c_str(), whole->c_str()) != 0) return failed("write", *whole);
  return *whole;
}

}  // namespace leanto::node
