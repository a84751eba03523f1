#include "os/segment.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace leanto {

namespace {

constexpr off_t kStateOffset = 4;
constexpr off_t kClosedOffset = 12;

}  // namespace

Result<Segment> Segment::make(std::uint64_t size) {
  UniqueFd fd(::memfd_create("leanto-segment", MFD_CLOEXEC));
  if (!fd) return fail_errno(ErrorKind::kCapacity, errno, "making a shared segment");
  if (::ftruncate(fd.get(), static_cast<off_t>(kDataOffset + size)) != 0)
    return fail_errno(ErrorKind::kCapacity, errno, "making a shared segment");
  const std::uint32_t magic = kMagic;
  struct stat status{};
  if (::pwrite(fd.get(), &magic, sizeof magic, 0) != sizeof magic ||
      ::fstat(fd.get(), &status) != 0)
    return fail_errno(ErrorKind::kCapacity, errno, "making a shared segment");
  return Segment(std::move(fd), status.st_ino, size);
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
