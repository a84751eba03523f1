#include "os/segment.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>

namespace leanto {
namespace {

constexpr std::uint64_t kSize = 1 << 20;

// Another process's view.
struct Mapping {
  explicit Mapping(const Segment& segment)
      : fd(::open(segment.path().c_str(), O_RDWR | O_CLOEXEC)),
        bytes(static_cast<char*>(::mmap(nullptr, Segment::kDataOffset + kSize,
                                        PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0))) {}
  ~Mapping() { ::munmap(bytes, Segment::kDataOffset + kSize); }
  void set_state(SegmentState state) { std::memcpy(bytes + 4, &state, sizeof state); }
  bool closed() const { return bytes[12] == 1; }
  std::uint64_t allocated() const {
    struct stat status{};
    ::fstat(fd.get(), &status);
    return static_cast<std::uint64_t>(status.st_blocks) * 512;
  }

  UniqueFd fd;
  char* bytes;
};

TEST(Segment, IsOpenedByItsPathAndKnownByItsInode) {
  const Result<Segment> segment = Segment::make(kSize);
  ASSERT_TRUE(segment);
  const UniqueFd fd(::open(segment->path().c_str(), O_RDWR | O_CLOEXEC));
  struct stat status{};
  ASSERT_EQ(::fstat(fd.get(), &status), 0);
  EXPECT_EQ(status.st_ino, segment->inode());
  EXPECT_EQ(static_cast<std::uint64_t>(status.st_size), Segment::kDataOffset + kSize);
  EXPECT_EQ(segment->state(), SegmentState::kFree);
}

TEST(Segment, ClosingOneThatNobodyUsesFreesItsMemoryThoughItIsStillMapped) {
  Result<Segment> segment = Segment::make(kSize);
  ASSERT_TRUE(segment);
  Mapping mapping(*segment);
  std::memset(mapping.bytes + Segment::kDataOffset, 7, kSize);
  ASSERT_GE(mapping.allocated(), kSize);
  mapping.set_state(SegmentState::kLent);
  EXPECT_EQ(segment->state(), SegmentState::kLent);
  segment->close();
  EXPECT_TRUE(mapping.closed());
  EXPECT_LE(mapping.allocated(), Segment::kDataOffset);
}

TEST(Segment, ClosingOneThatIsReadLeavesTheReaderItsValue) {
  Result<Segment> segment = Segment::make(kSize);
  ASSERT_TRUE(segment);
  Mapping mapping(*segment);
  std::memset(mapping.bytes + Segment::kDataOffset, 7, kSize);
  mapping.set_state(SegmentState::kBorrowed);
  segment->close();
  EXPECT_TRUE(mapping.closed());
  EXPECT_EQ(mapping.bytes[Segment::kDataOffset + kSize - 1], 7);
}

TEST(Segment, OneLargerThanTheAddressSpaceIsRefused) {
  const Result<Segment> segment = Segment::make(std::uint64_t{1} << 63);
  ASSERT_FALSE(segment);
  EXPECT_EQ(segment.error().kind, ErrorKind::kCapacity);
}

}  // namespace
}  // namespace leanto
