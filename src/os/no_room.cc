#include "os/no_room.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "os/files.h"

namespace leanto {

bool is_no_room(int error_number) {
  return error_number == ENOSPC || error_number == EDQUOT || error_number == EFBIG;
}

std::string_view describe_no_room(int error_number) {
  if (error_number == EDQUOT) return "your quota of that disk is used up";
  if (error_number == EFBIG) return "no file may become larger (`ulimit -f`)";
  return "the disk is full";
}

Status append_whole(int fd, std::string_view bytes, std::string_view path) {
  const Result<FileStat> stat = stat_fd(fd, path);
  if (!stat) return tl::unexpected(stat.error());
  const auto end = static_cast<off_t>(stat->size);
  // Readers shall not see the beginning of what then is taken back. Not every file system can.
  if (::fallocate(fd, FALLOC_FL_KEEP_SIZE, end, static_cast<off_t>(bytes.size())) != 0 &&
      is_no_room(errno)) {
    return file_failure(errno, "write", path);
  }
  Status written = write_all(fd, bytes, path);
  if (!written) (void)!::ftruncate(fd, end);
  return written;
}

}  // namespace leanto
