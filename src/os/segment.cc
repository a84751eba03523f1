#include "os/segment.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "os/unnamed_file.h"

namespace leanto {

namespace {

constexpr off_t kStateOffset = 4;
constexpr off_t kClosedOffset = 12;

}  // namespace

Result<Segment> Segment::make(std::uint64_t size) {
  return make(make_memory_file("leanto-segment", kDataOffset + size), size);
}

Result<Segment> Segment::make_on_disk(const std::filesystem::path& directory, std::uint64_t size) {
  return make(make_disk_file(directory, kDataOffset + size), size);
}

Result<Segment> Segment::make(Result<UniqueFd> file, std::uint64_t size) {
  if (!file) return Failure(file.error());
  const std::uint32_t magic = kMagic;
  struct stat status{};
  if (::pwrite(file->get(), &magic, sizeof magic, 0) != sizeof magic ||
      ::fstat(file->get(), &status) != 0)
    return fail_errno(ErrorKind::kCapacity, errno, "making a shared segment");
  return Segment(*std::move(file), status.st_ino, size);
}

std::string Segment::path() const { return fmt::format("/proc/{}/fd/{}", ::getpid(), fd_.get()); }

SegmentState Segment::state() const {
  std::uint32_t state = 0;
  if (::pread(fd_.get(), &state, sizeof state, kStateOffset) != sizeof state)
    return SegmentState::kFree;
  return static_cast<SegmentState>(state);
}

void Segment::close() {
  if (!fd_) return;
  const std::uint32_t closed = 1;
  // The header is there since `make`; without it the last of those who map it frees the memory.
  if (::pwrite(fd_.get(), &closed, sizeof closed, kClosedOffset) == sizeof closed &&
      state() != SegmentState::kBorrowed) {
    ::fallocate(fd_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                static_cast<off_t>(kDataOffset), static_cast<off_t>(size_));
  }
  fd_.reset();
}

}  // namespace leanto
