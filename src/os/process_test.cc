#include "os/process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "os/temporary_directory.h"

namespace leanto {
namespace {

struct Pipe {
  UniqueFd read_end;
  UniqueFd write_end;
};

Pipe make_pipe() {
  int ends[2] = {-1, -1};
  EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

std::string read_all(const UniqueFd& fd) {
  std::string text;
  char buffer[4096];
  for (ssize_t n = 0; (n = ::read(fd.get(), buffer, sizeof buffer)) > 0;) {
    text.append(buffer, static_cast<std::size_t>(n));
  }
  return text;
}

SpawnOptions shell(const std::string& script) { return {.arguments = {"/bin/sh", "-c", script}}; }

// What `script` writes to its descriptor 1.
std::string output_of(SpawnOptions options) {
  Pipe pipe = make_pipe();
  options.fds.push_back({pipe.write_end.get(), 1});
  const auto child = spawn(options);
  EXPECT_TRUE(child.has_value()) << child.error().message;
  pipe.write_end.reset();
  std::string text = read_all(pipe.read_end);
  EXPECT_TRUE(wait_until_exit(child->pid).has_value());
  return text;
}

// Runs until its standard input is closed.
struct Waiting {
  Pipe input = make_pipe();
  Child child;

  explicit Waiting(Session session = Session::kNew) {
    SpawnOptions options = shell("read line");
    options.fds.push_back({input.read_end.get(), 0});
    options.session = session;
    auto spawned = spawn(options);
    EXPECT_TRUE(spawned.has_value());
    child = *std::move(spawned);
    input.read_end.reset();
  }
};

TEST(Spawn, RunsAProgramAndItsExitCodeIsTaken) {
  const auto child = spawn(shell("exit 3"));
  ASSERT_TRUE(child.has_value()) << child.error().message;
  EXPECT_EQ(wait_until_exit(child->pid), (ExitStatus{.code = 3, .signal = {}}));
}

TEST(Spawn, FindsAProgramInPath) { EXPECT_EQ(output_of({.arguments = {"echo", "hi"}}), "hi\n"); }

TEST(Spawn, SaysWhatDoesNotExist) {
  const auto no_path = spawn({.arguments = {"/no/such/program"}});
  ASSERT_FALSE(no_path.has_value());
  EXPECT_EQ(no_path.error(),
            (Error{ErrorKind::kNotFound, "run /no/such/program: No such file or directory"}));
  const auto no_name = spawn({.arguments = {"no-such-program"}});
  ASSERT_FALSE(no_name.has_value());
  EXPECT_NE(no_name.error().message.find("PATH"), std::string::npos);
  SpawnOptions options = shell("true");
  options.working_directory = "/no/such/directory";
  const auto no_directory = spawn(options);
  ASSERT_FALSE(no_directory.has_value());
  EXPECT_EQ(no_directory.error().message, "enter /no/such/directory: No such file or directory");
}

TEST(Spawn, GivesTheEnvironmentAndTheDirectoryThatWereAskedFor) {
  const TemporaryDirectory directory;
  SpawnOptions options = shell("echo $GREETING; pwd -P; echo ${HOME-unset}");
  options.environment = {"GREETING=hello"};
  options.working_directory = directory.path();
  EXPECT_EQ(output_of(options),
            "hello\n" + std::filesystem::canonical(directory.path()).string() + "\nunset\n");
}

TEST(Spawn, MapsDescriptorsAlsoWhenTheyTradePlaces) {
  Pipe a = make_pipe();
  Pipe b = make_pipe();
  SpawnOptions options =
      shell(fmt::format("echo a >&{}; echo b >&{}", b.write_end.get(), a.write_end.get()));
  options.fds = {{a.write_end.get(), b.write_end.get()}, {b.write_end.get(), a.write_end.get()}};
  const auto child = spawn(options);
  ASSERT_TRUE(child.has_value()) << child.error().message;
  a.write_end.reset();
  b.write_end.reset();
  EXPECT_EQ(read_all(a.read_end), "a\n");
  EXPECT_EQ(read_all(b.read_end), "b\n");
  EXPECT_TRUE(wait_until_exit(child->pid).has_value());
}

TEST(Spawn, ClosesEveryDescriptorThatWasNotMapped) {
  const UniqueFd leaking(::open("/dev/null", O_RDONLY));  // not close-on-exec
  const UniqueFd high(::fcntl(leaking.get(), F_DUPFD, 200));
  SpawnOptions options = shell("ls -m /proc/$$/fd; true");
  options.fds.push_back({leaking.get(), 7});
  EXPECT_EQ(output_of(options), "0, 1, 2, 7\n");
}

TEST(Spawn, RefusesTwoDescriptorsAtOneNumber) {
  SpawnOptions options = shell("true");
  options.fds = {{0, 5}, {1, 5}};
  EXPECT_FALSE(spawn(options).has_value());
}

TEST(Spawn, MakesASessionOnlyIfAsked) {
  const Waiting own(Session::kNew);
  EXPECT_EQ(::getsid(own.child.pid), own.child.pid);
  const Waiting shared(Session::kShared);
  EXPECT_EQ(::getsid(shared.child.pid), ::getsid(0));
  for (const Waiting* each : {&own, &shared}) {
    EXPECT_EQ(send_signal(each->child.pidfd, SIGKILL), Delivery::kSent);
    EXPECT_TRUE(wait_until_exit(each->child.pid).has_value());
  }
}

TEST(Spawn, StartsTheChildWithNoSignalBlockedOrIgnored) {
  sigset_t blocked, before;
  ::sigemptyset(&blocked);
  ::sigaddset(&blocked, SIGTERM);
  ASSERT_EQ(::sigprocmask(SIG_BLOCK, &blocked, &before), 0);
  const auto old_handler = ::signal(SIGPIPE, SIG_IGN);
  const std::string text =
      output_of({.arguments = {"grep", "-E", "SigBlk|SigIgn", "/proc/self/status"}});
  ::signal(SIGPIPE, old_handler);
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
  EXPECT_EQ(text, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
}

// The child of a child dies with it: its end of the pipe closes, and reading ends.
TEST(Spawn, LetsTheKernelKillTheChildWithItsParent) {
  Pipe pipe = make_pipe();
  const pid_t parent = ::fork();
  if (parent == 0) {
    SpawnOptions options = shell("echo started; read line </dev/zero");
    options.fds.push_back({pipe.write_end.get(), 1});
    options.on_parent_death = OnParentDeath::kKill;
    const auto child = spawn(options);
    pipe.write_end.reset();
    char first = 0;
    ::_exit(child && ::read(pipe.read_end.get(), &first, 1) == 1 ? 0 : 1);
  }
  pipe.write_end.reset();
  EXPECT_EQ(wait_until_exit(parent), (ExitStatus{.code = 0, .signal = {}}));
  EXPECT_EQ(read_all(pipe.read_end), "tarted\n");
}

TEST(TryWait, GivesNothingWhileTheChildRunsAndTheStatusOnce) {
  const Waiting waiting;
  EXPECT_EQ(try_wait(waiting.child.pid).value(), std::nullopt);
  ASSERT_EQ(send_signal(waiting.child.pidfd, SIGTERM), Delivery::kSent);
  pollfd poll_for{waiting.child.pidfd.get(), POLLIN, 0};
  ASSERT_EQ(::poll(&poll_for, 1, -1), 1) << "the pidfd tells of the end";
  EXPECT_EQ(try_wait(waiting.child.pid).value(),
            std::optional(ExitStatus{.code = {}, .signal = SIGTERM}));
  const auto again = try_wait(waiting.child.pid);
  ASSERT_FALSE(again.has_value());
  EXPECT_EQ(again.error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(send_signal(waiting.child.pidfd, SIGTERM), Delivery::kGone);
}

TEST(KillGroup, ReachesTheChildrenOfTheChildToo) {
  Pipe pipe = make_pipe();
  SpawnOptions options = shell("(echo up; read line </dev/zero) & read line </dev/zero");
  options.fds.push_back({pipe.write_end.get(), 1});
  const auto child = spawn(options);
  ASSERT_TRUE(child.has_value());
  pipe.write_end.reset();
  char up[3];
  ASSERT_EQ(::read(pipe.read_end.get(), up, 3), 3);
  EXPECT_TRUE(group_exists(child->pid));
  EXPECT_EQ(kill_group(child->pid, SIGKILL), Delivery::kSent);
  EXPECT_EQ(read_all(pipe.read_end), "") << "ends when both have closed it";
  EXPECT_EQ(wait_until_exit(child->pid), (ExitStatus{.code = {}, .signal = SIGKILL}));
}

TEST(KillGroup, RefusesWhatWouldMeanEverything) {
  for (const pid_t group : {-1, 0, 1}) EXPECT_FALSE(kill_group(group, 0).has_value());
  EXPECT_FALSE(group_exists(0));
}

TEST(Subreaper, AdoptsAnOrphanAndReapsIt) {
  const pid_t reaper = ::fork();  // the test program itself stays as it was
  if (reaper == 0) {
    if (!become_subreaper()) ::_exit(1);
    Pipe pipe = make_pipe();
    SpawnOptions options = shell("(read line; exit 7) & exit 0");
    const auto child = spawn(options);
    if (!child || !wait_until_exit(child->pid)) ::_exit(2);
    std::optional<Reaped> reaped;
    while (!(reaped = reap_one())) ::usleep(1000);
    ::_exit(reaped->pid != child->pid && reaped->status.code == 7 ? 0 : 3);
  }
  EXPECT_EQ(wait_until_exit(reaper), (ExitStatus{.code = 0, .signal = {}}));
}

TEST(ReapOne, FindsNothingWhereNothingEnded) {
  const Waiting waiting;
  EXPECT_FALSE(reap_one().has_value());
  ASSERT_EQ(send_signal(waiting.child.pidfd, SIGKILL), Delivery::kSent);
  pollfd poll_for{waiting.child.pidfd.get(), POLLIN, 0};
  ASSERT_EQ(::poll(&poll_for, 1, -1), 1);
  const auto reaped = reap_one();
  ASSERT_TRUE(reaped.has_value());
  EXPECT_EQ(reaped->pid, waiting.child.pid);
}

TEST(Describe, NamesSignalsAndExitCodes) {
  EXPECT_EQ(describe(ExitStatus{.code = 3, .signal = {}}), "exit code 3");
  EXPECT_EQ(describe(ExitStatus{.code = {}, .signal = SIGKILL}), "killed by SIGKILL");
  EXPECT_EQ(signal_name(1000), "signal 1000");
}

TEST(OpenPidfd, DoesNotFindAProcessThatIsGone) {
  const auto child = spawn(shell("true"));
  ASSERT_TRUE(wait_until_exit(child->pid).has_value());
  EXPECT_EQ(open_pidfd(child->pid).error().kind, ErrorKind::kNotFound);
}

}  // namespace
}  // namespace leanto
