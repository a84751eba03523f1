#include "os/lock_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <string_view>

#include "os/files.h"

namespace leanto {
namespace {

pid_t read_holder(const UniqueFd& fd) {
  char text[32];
  const ssize_t n = ::pread(fd.get(), text, sizeof text, 0);
  pid_t pid = 0;
  if (n > 0) (void)std::from_chars(text, text + n, pid);
  return pid;
}

Status write_holder(const UniqueFd& fd, const std::filesystem::path& path) {
  const std::string text = fmt::format("{}\n", ::getpid());
  const bool written =
      ::ftruncate(fd.get(), 0) == 0 &&
      ::pwrite(fd.get(), text.data(), text.size(), 0) == static_cast<ssize_t>(text.size());
  if (written) return {};
  return file_failure(errno, "write the pid into", path.string());
}

}  // namespace

Result<LockAttempt> LockFile::try_take(const std::filesystem::path& path) {
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) {
    return file_failure(errno, "open the lock", path.string());
  }
  int outcome = 0;
  do {
    outcome = ::flock(fd.get(), LOCK_EX | LOCK_NB);
  } while (outcome != 0 && errno == EINTR);
  if (outcome != 0 && errno == EWOULDBLOCK) return LockAttempt{std::nullopt, read_holder(fd)};
  if (outcome != 0) return fail_errno(ErrorKind::kInternal, errno, "lock " + path.string());
  if (const auto written = write_holder(fd, path); !written) return Failure(written.error());
  return LockAttempt{LockFile(std::move(fd)), 0};
}

// A successor that has not yet written its pid shall not be taken for this process.
LockFile::~LockFile() {
  if (fd_) (void)!::ftruncate(fd_.get(), 0);
}

}  // namespace leanto
