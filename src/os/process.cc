#include "os/process.h"

#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "os/process_watch.h"

namespace leanto {
namespace {

ExitStatus status_of(const siginfo_t& info) {
  if (info.si_code == CLD_EXITED) return {.code = info.si_status, .signal = std::nullopt};
  return {.code = std::nullopt, .signal = info.si_status};
}

Result<std::optional<ExitStatus>> wait_for(pid_t pid, int options) {
  siginfo_t info{};
  int outcome = 0;
  do {
    outcome = ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | options);
  } while (outcome != 0 && errno == EINTR);
  if (outcome != 0) {
    const auto kind = errno == ECHILD ? ErrorKind::kNotFound : ErrorKind::kInternal;
    return fail_errno(kind, errno, fmt::format("wait for process {}", pid));
  }
  if (info.si_pid == 0) return std::nullopt;
  return status_of(info);
}

Result<Delivery> delivery(int error_number, std::string_view attempted) {
  if (error_number == 0) return Delivery::kSent;
  if (error_number == ESRCH) return Delivery::kGone;
  const auto kind = error_number == EPERM ? ErrorKind::kAccessDenied : ErrorKind::kInternal;
  return fail_errno(kind, error_number, attempted);
}

}  // namespace

Result<UniqueFd> open_pidfd(pid_t pid) {
  const auto fd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));  // close-on-exec already
  if (fd >= 0) return UniqueFd(fd);
  if (errno == ENOSYS) return watch_process(pid);
  const auto kind = errno == ESRCH ? ErrorKind::kNotFound : ErrorKind::kInternal;
  return fail_errno(kind, errno, fmt::format("open a pidfd of process {}", pid));
}

std::string signal_name(int signal) {
  const char* const name = ::sigabbrev_np(signal);
  return name == nullptr ? fmt::format("signal {}", signal) : fmt::format("SIG{}", name);
}

std::string describe(const ExitStatus& status) {
  if (status.signal) return "killed by " + signal_name(*status.signal);
  return fmt::format("exit code {}", status.code.value_or(-1));
}

Result<std::optional<ExitStatus>> try_wait(pid_t pid) { return wait_for(pid, WNOHANG); }

Result<ExitStatus> wait_until_exit(pid_t pid) {
  auto status = wait_for(pid, 0);
  if (!status) return Failure(status.error());
  return status->value();
}

std::optional<Reaped> reap_one() {
  siginfo_t info{};
  if (::waitid(P_ALL, 0, &info, WEXITED | WNOHANG) != 0 || info.si_pid == 0) return std::nullopt;
  return Reaped{info.si_pid, status_of(info)};
}

Result<Delivery> send_signal(const UniqueFd& pidfd, int signal) {
  auto outcome = ::syscall(SYS_pidfd_send_signal, pidfd.get(), signal, nullptr, 0);
  // Linux 5.1 and 5.2 have this call, and no way of ours to get a pidfd: for them it's a bad one.
  if (outcome != 0 && (errno == ENOSYS || errno == EBADF)) {
    const pid_t pid = watched_process(pidfd.get());
    errno = ESRCH;
    outcome = pid == 0 ? -1 : ::kill(pid, signal);
  }
  const int error_number = outcome == 0 ? 0 : errno;
  return delivery(error_number, "send " + signal_name(signal) + " to a process");
}

Result<Delivery> kill_group(pid_t group, int signal) {
  if (group <= 1) {
    return fail(ErrorKind::kInvalid, "send {} to the process group {}", signal_name(signal), group);
  }
  const int error_number = ::kill(-group, signal) == 0 ? 0 : errno;
  return delivery(error_number,
                  fmt::format("send {} to the process group {}", signal_name(signal), group));
}

bool group_exists(pid_t group) { return group > 1 && (::kill(-group, 0) == 0 || errno == EPERM); }

Status become_subreaper() {
  if (::prctl(PR_SET_CHILD_SUBREAPER, 1) == 0) return {};
  return fail_errno(ErrorKind::kInternal, errno, "become the reaper of orphaned descendants");
}

}  // namespace leanto
