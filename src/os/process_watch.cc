#include "os/process_watch.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <system_error>
#include <thread>

#include "os/files.h"
#include "os/process_stat.h"

namespace leanto {
namespace {

constexpr std::chrono::milliseconds kTick{100};

// The kernel keeps the owner of a descriptor as the process and not as its number, so that a new
// process of the same number isn't taken for it.
pid_t owner_of(int fd) {
  const pid_t owner = ::fcntl(fd, F_GETOWN);
  if (owner <= 0) return 0;
  const Result<std::string> text = read_file(fmt::format("/proc/{}/stat", owner));
  const Result<ProcessStat> stat = text ? parse_process_stat(*text) : Failure(text.error());
  return stat && stat->state != 'Z' && stat->state != 'X' ? owner : 0;
}

// Leaves the status for whoever reaps it.
bool wait_as_parent(pid_t pid) {
  siginfo_t info{};
  int outcome = 0;
  do {
    outcome = ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT);
  } while (outcome != 0 && errno == EINTR);
  return outcome == 0;
}

void wait_for_end(pid_t pid, UniqueFd notify) {
  if (!wait_as_parent(pid)) {
    while (owner_of(notify.get()) != 0) std::this_thread::sleep_for(kTick);
  }
  (void)!::write(notify.get(), "", 1);
}

}  // namespace

Result<UniqueFd> watch_process(pid_t pid) {
  std::array<int, 2> pipe;
  if (::pipe2(pipe.data(), O_CLOEXEC) != 0) {
    return fail_errno(ErrorKind::kCapacity, errno, "make a pipe");
  }
  UniqueFd watch(pipe[0]);
  UniqueFd notify(pipe[1]);
  for (const int fd : {watch.get(), notify.get()}) {
    if (::fcntl(fd, F_SETOWN, pid) == 0) continue;
    const auto kind = errno == ESRCH ? ErrorKind::kNotFound : ErrorKind::kInternal;
    return fail_errno(kind, errno, fmt::format("watch process {}", pid));
  }
  try {
    std::thread(wait_for_end, pid, std::move(notify)).detach();
  } catch (const std::system_error& error) {
    return fail_errno(ErrorKind::kCapacity, error.code().value(), "start a thread");
  }
  return watch;
}

pid_t watched_process(int watch) {
  pollfd ended{watch, POLLIN, 0};
  return ::poll(&ended, 1, 0) == 0 ? owner_of(watch) : 0;
}

}  // namespace leanto
