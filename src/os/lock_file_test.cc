#include "os/lock_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "os/process.h"
#include "os/temporary_directory.h"

namespace leanto {
namespace {

TEST(LockFile, IsTakenOnceAndNamesItsHolder) {
  const TemporaryDirectory directory;
  const auto first = LockFile::try_take(directory / "lock");
  ASSERT_TRUE(first.has_value()) << first.error().message;
  EXPECT_TRUE(first->lock.has_value());
  const auto second = LockFile::try_take(directory / "lock");
  ASSERT_TRUE(second.has_value());
  EXPECT_FALSE(second->lock.has_value());
  EXPECT_EQ(second->holder, ::getpid());
}

TEST(LockFile, CanBeTakenAgainWhenItsHolderLetsGo) {
  const TemporaryDirectory directory;
  {
    const auto first = LockFile::try_take(directory / "lock");
  }
  const auto second = LockFile::try_take(directory / "lock");
  EXPECT_TRUE(second->lock.has_value());
}

TEST(LockFile, IsFreeAfterItsProcessDied) {
  const TemporaryDirectory directory;
  const pid_t child = ::fork();
  if (child == 0) {
    const auto taken = LockFile::try_take(directory / "lock");
    ::_exit(taken && taken->lock ? 0 : 1);  // without running any destructor
  }
  ASSERT_EQ(wait_until_exit(child), (ExitStatus{.code = 0, .signal = {}}));
  EXPECT_TRUE(LockFile::try_take(directory / "lock")->lock.has_value());
}

TEST(LockFile, NamesTheFileThatItCannotOpen) {
  const auto attempt = LockFile::try_take("/no/such/directory/lock");
  ASSERT_FALSE(attempt.has_value());
  EXPECT_NE(attempt.error().message.find("/no/such/directory/lock"), std::string::npos);
}

}  // namespace
}  // namespace leanto
