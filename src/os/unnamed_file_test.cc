#include "os/unnamed_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "os/temporary_directory.h"

namespace leanto {
namespace {

TEST(UnnamedFile, HasTheSizeThatWasAskedForAndNoName) {
  const TemporaryDirectory directory;
  for (const std::uint64_t size : {0, 1, 1 << 20}) {
    const Result<UniqueFd> memory = make_memory_file("test", size);
    const Result<UniqueFd> disk = make_disk_file(directory.path(), size);
    ASSERT_TRUE(memory) << memory.error().message;
    ASSERT_TRUE(disk) << disk.error().message;
    for (const UniqueFd* const file : {&*memory, &*disk}) {
      struct stat status{};
      ASSERT_EQ(::fstat(file->get(), &status), 0);
      EXPECT_EQ(static_cast<std::uint64_t>(status.st_size), size);
      EXPECT_EQ(status.st_nlink, 0u);
    }
  }
  EXPECT_TRUE(std::filesystem::is_empty(directory.path()));
}

TEST(UnnamedFile, RoomOnDiskIsReserved) {
  const TemporaryDirectory directory;
  const Result<UniqueFd> file = make_disk_file(directory.path(), 1 << 20);
  struct stat status{};
  ASSERT_EQ(::fstat(file->get(), &status), 0);
  EXPECT_GE(status.st_blocks * 512, 1 << 20);
}

TEST(UnnamedFile, ADirectoryThatIsNotThereAndADiskThatIsTooSmallAreErrors) {
  const TemporaryDirectory directory;
  const auto missing = make_disk_file(directory.path() / "missing", 1);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().kind, ErrorKind::kNotFound);
  const auto too_large = make_disk_file(directory.path(), std::uint64_t{1} << 55);
  ASSERT_FALSE(too_large);
  EXPECT_EQ(too_large.error().kind, ErrorKind::kCapacity) << too_large.error().message;
}

}  // namespace
}  // namespace leanto
