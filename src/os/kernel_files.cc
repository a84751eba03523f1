#include "os/kernel_files.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "os/unique_fd.h"

namespace leanto {
namespace {

// ESRCH: the process went away between the open and the read.
ErrorKind kind_of(int error_number) {
  const bool gone = error_number == ENOENT || error_number == ESRCH || error_number == ENOTDIR;
  return gone ? ErrorKind::kNotFound : ErrorKind::kInternal;
}

}  // namespace

Result<std::string> SystemKernelFiles::read(const std::string& path) const {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (!fd) return fail_errno(kind_of(errno), errno, "open " + path);
  std::string text;  // in big pieces: the kernel makes a text anew for each read
  char buffer[16 * 1024];
  for (;;) {
    const ssize_t n = ::read(fd.get(), buffer, sizeof buffer);
    if (n == 0) return text;
    if (n > 0) text.append(buffer, static_cast<std::size_t>(n));
    if (n < 0 && errno != EINTR) return fail_errno(kind_of(errno), errno, "read " + path);
  }
}

bool SystemKernelFiles::writable(const std::string& path) const {
  return ::access(path.c_str(), W_OK) == 0;
}

}  // namespace leanto
