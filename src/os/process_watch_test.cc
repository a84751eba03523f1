#include "os/process_watch.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>

#include "os/process.h"

namespace leanto {
namespace {

bool ends_within(const UniqueFd& watch, int milliseconds) {
  pollfd ended{watch.get(), POLLIN, 0};
  return ::poll(&ended, 1, milliseconds) == 1;
}

TEST(ProcessWatch, AChildsEndIsSeenAndItsStatusLeft) {
  const Child child = *spawn({.arguments = {"sleep", "1000"}});
  const UniqueFd watch = *watch_process(child.pid);
  const UniqueFd copy(::fcntl(watch.get(), F_DUPFD_CLOEXEC, 0));
  EXPECT_FALSE(ends_within(watch, 0));
  EXPECT_EQ(watched_process(copy.get()), child.pid);
  ASSERT_TRUE(send_signal(child.pidfd, SIGTERM));
  EXPECT_TRUE(ends_within(watch, 60'000));
  EXPECT_TRUE(ends_within(copy, 60'000));
  EXPECT_EQ(watched_process(watch.get()), 0);
  EXPECT_EQ(wait_until_exit(child.pid)->signal, SIGTERM);
}

TEST(ProcessWatch, TheEndOfSomebodyElsesChildIsSeenToo) {
  const Child shell = *spawn({.arguments = {"sh", "-c", "sleep 1000 & wait"}});
  const std::string children =
      "/proc/" + std::to_string(shell.pid) + "/task/" + std::to_string(shell.pid) + "/children";
  int grandchild = 0;
  while (grandchild == 0) {
    FILE* const file = ::fopen(children.c_str(), "r");
    if (file == nullptr) break;
    if (::fscanf(file, "%d", &grandchild) != 1) grandchild = 0;
    ::fclose(file);
  }
  ASSERT_GT(grandchild, 0);
  const UniqueFd watch = *watch_process(grandchild);
  EXPECT_FALSE(ends_within(watch, 0));
  (void)kill_group(shell.pid, SIGKILL);
  (void)wait_until_exit(shell.pid);
  EXPECT_TRUE(ends_within(watch, 60'000));
}

TEST(ProcessWatch, AProcessThatIsGoneIsNotFound) {
  const Child child = *spawn({.arguments = {"true"}});
  (void)wait_until_exit(child.pid);
  EXPECT_EQ(watch_process(child.pid).error().kind, ErrorKind::kNotFound);
}

}  // namespace
}  // namespace leanto
