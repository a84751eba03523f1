#include "os/unnamed_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string>

#include "os/files.h"

namespace leanto {

namespace {

// Some file systems, overlays among them, know no file that never had a name.
UniqueFd open_unnamed(const std::string& directory) {
  UniqueFd file(::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (file || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL)) return file;
  std::string name = directory + "/XXXXXX";
  UniqueFd named(::mkostemp(name.data(), O_CLOEXEC));
  if (named) ::unlink(name.c_str());
  return named;
}

}  // namespace

Result<UniqueFd> make_memory_file(const char* name, std::uint64_t size) {
  UniqueFd file(::memfd_create(name, MFD_CLOEXEC));
  if (!file || ::ftruncate(file.get(), static_cast<off_t>(size)) != 0)
    return fail_errno(ErrorKind::kCapacity, errno, "making a file in memory");
  return file;
}

Result<UniqueFd> make_disk_file(const std::filesystem::path& directory, std::uint64_t size) {
  UniqueFd file = open_unnamed(directory.string());
  if (!file) return file_failure(errno, "make a file in", directory.string());
  const int error = size == 0 ? 0 : ::posix_fallocate(file.get(), 0, static_cast<off_t>(size));
  if (error != 0)
    return file_failure(error, fmt::format("reserve {} bytes in", size), directory.string());
  return file;
}

}  // namespace leanto
