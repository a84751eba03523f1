// A piece of shared memory that carries large values between processes of this machine: a file
// without a name, in memory or, where that is short, on disk. Others open it by its path under
// /proc, so that no descriptor has to travel beside a frame.
//
// The first page is a header that writer, reader and owner agree through (docs/wire.md,
// "Segments"); values begin at kDataOffset. This is the owner's side: it makes segments, looks at
// their state and closes them, and never touches the values.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>

#include "base/result.h"
#include "os/unique_fd.h"

namespace leanto {

enum class SegmentState : std::uint32_t {
  kFree = 0,
  kLent = 1,      // a value is in it, and nobody has taken it yet
  kBorrowed = 2,  // a reader uses what is in it
};

class Segment {
 public:
  static constexpr std::uint32_t kMagic = 0x534D544C;
  static constexpr std::uint64_t kDataOffset = 4096;

  // `size` bytes for values. kCapacity if the kernel has no memory, or the disk no room for it.
  static Result<Segment> make(std::uint64_t size);
  static Result<Segment> make_on_disk(const std::filesystem::path& directory, std::uint64_t size);

  Segment(Segment&& other) = default;
  Segment& operator=(Segment&& other) noexcept {
    std::swap(fd_, other.fd_);
    std::swap(inode_, other.inode_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~Segment() { close(); }

  std::string path() const;  // for processes that see this one under the same number
  std::uint64_t inode() const { return inode_; }
  std::uint64_t size() const { return size_; }
  int descriptor() const { return fd_.get(); }
  SegmentState state() const;

  // Says so in the header, and gives the memory back at once unless a reader uses it; then it goes
  // with the reader.
  void close();
  // Lets it go without a word: whoever has mapped it keeps what is in it.
  void leave() { fd_.reset(); }

 private:
  static Result<Segment> make(Result<UniqueFd> file, std::uint64_t size);
  Segment(UniqueFd fd, std::uint64_t inode, std::uint64_t size)
      : fd_(std::move(fd)), inode_(inode), size_(size) {}

  UniqueFd fd_;
  std::uint64_t inode_;
  std::uint64_t size_;
};

}  // namespace leanto
