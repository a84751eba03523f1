#include "os/no_room.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <optional>

#include "os/files.h"
#include "os/full_disk.h"
#include "os/temporary_directory.h"

namespace leanto {
namespace {

using ::testing::HasSubstr;

TEST(NoRoom, IsALackOfCapacityWithTheWayOut) {
  const Error error = file_failure(ENOSPC, "write", "/a/b").value();
  EXPECT_EQ(error, (Error{ErrorKind::kCapacity,
                          "write /a/b: the disk is full; make room there and do it again"}));
  EXPECT_THAT(file_failure(EDQUOT, "write", "/a/b").value().message, HasSubstr("quota"));
  EXPECT_FALSE(is_no_room(EACCES));
}

TEST(NoRoom, LetsNoPartOfWhatIsAppendedBehind) {
  const TemporaryDirectory directory;
  const std::string path = (directory / "f").string();
  const UniqueFd fd = open_at(AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND, 0600).value();
  ASSERT_TRUE(append_whole(fd.get(), "first\n", path));
  std::optional<FullDisk> full(8);
  const Status appended = append_whole(fd.get(), "second\n", path);
  full.reset();
  ASSERT_FALSE(appended);
  EXPECT_EQ(appended.error().kind, ErrorKind::kCapacity);
  EXPECT_EQ(read_file(path).value(), "first\n");
  ASSERT_TRUE(append_whole(fd.get(), "third\n", path));
  EXPECT_EQ(read_file(path).value(), "first\nthird\n");
}

}  // namespace
}  // namespace leanto
