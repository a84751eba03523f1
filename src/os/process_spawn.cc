// spawn(): fork and exec. posix_spawn can neither ask for a signal on the parent's death nor report
// which step failed. Between fork and exec the child makes system calls only: everything they need
// (argument vectors, the program's path, descriptor numbers) is made before, and nothing allocates.
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "os/process.h"

namespace leanto {
namespace {

enum class Step : int { kSession, kParentDeath, kDirectory, kDescriptors, kExec };

struct ChildFailure {
  Step step = Step::kExec;
  int error_number = 0;
};

std::string attempted(Step step, const SpawnOptions& options) {
  switch (step) {
    case Step::kSession:
      return "make a session for " + options.arguments[0];
    case Step::kParentDeath:
      return "tie " + options.arguments[0] + " to its parent";
    case Step::kDirectory:
      return "enter " + options.working_directory.string();
    case Step::kDescriptors:
      return "hand descriptors to " + options.arguments[0];
    case Step::kExec:
      break;
  }
  return "run " + options.arguments[0];
}

Result<std::string> find_program(const std::string& name) {
  if (name.find('/') != std::string::npos) return name;
  const char* const path = std::getenv("PATH");
  std::string_view rest = path == nullptr ? "/usr/local/bin:/usr/bin:/bin" : path;
  while (!rest.empty() && !name.empty()) {
    const auto end = std::min(rest.find(':'), rest.size());
    const std::string candidate = std::string(rest.substr(0, end)) + "/" + name;
    if (end > 0 && ::access(candidate.c_str(), X_OK) == 0) return candidate;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return fail(ErrorKind::kNotFound, "run {}: no such program in PATH ({})", name,
              path == nullptr ? "unset" : path);
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (const std::string& text : texts) result.push_back(const_cast<char*>(text.c_str()));
  result.push_back(nullptr);
  return result;
}

// What the child needs, ready-made.
struct Plan {
  const char* program;
  char** arguments;
  char** environment;
  const char* working_directory;  // nullptr: stay
  bool new_session;
  bool die_with_parent;
  bool adopt_orphans;
  pid_t parent;
  std::vector<FdMapping> fds;   // by child number, each once, 0 to 2 always
  std::vector<int> duplicates;  // room for the child's copies, one for each of `fds`
  int first_free;               // above every child number
  int report;                   // where a failure is written; closed by a successful exec
};

void reset_signals() {
  struct sigaction standard{};
  standard.sa_handler = SIG_DFL;
  for (int signal = 1; signal < NSIG; ++signal) {
    if (signal != SIGKILL && signal != SIGSTOP) (void)::sigaction(signal, &standard, nullptr);
  }
  sigset_t none;
  ::sigemptyset(&none);
  (void)::sigprocmask(SIG_SETMASK, &none, nullptr);
}

// Before close_range knew CLOSE_RANGE_CLOEXEC (Linux 5.11).
void close_on_exec_one_by_one(unsigned first, unsigned last) {
  rlimit limit{};
  (void)::getrlimit(RLIMIT_NOFILE, &limit);
  const auto highest = static_cast<unsigned>(std::min<rlim_t>(limit.rlim_cur, 1 << 20));
  for (unsigned fd = first; fd <= last && fd < highest; ++fd) {
    const int flags = ::fcntl(static_cast<int>(fd), F_GETFD);
    if (flags >= 0) (void)::fcntl(static_cast<int>(fd), F_SETFD, flags | FD_CLOEXEC);
  }
}

void close_on_exec(unsigned first, unsigned last) {
  if (first > last) return;
  if (::syscall(SYS_close_range, first, last, CLOSE_RANGE_CLOEXEC) != 0) {
    close_on_exec_one_by_one(first, last);
  }
}

// First moves every source out of the way, so that no target overwrites a source still needed.
bool place_descriptors(Plan& plan) {
  plan.report = ::fcntl(plan.report, F_DUPFD_CLOEXEC, plan.first_free);
  if (plan.report < 0) return false;
  for (std::size_t i = 0; i < plan.fds.size(); ++i) {
    plan.duplicates[i] = ::fcntl(plan.fds[i].parent, F_DUPFD_CLOEXEC, plan.first_free);
    if (plan.duplicates[i] < 0) return false;
  }
  unsigned next = 0;
  for (std::size_t i = 0; i < plan.fds.size(); ++i) {
    const auto target = static_cast<unsigned>(plan.fds[i].child);
    if (::dup2(plan.duplicates[i], plan.fds[i].child) < 0) return false;
    if (target > 0) close_on_exec(next, target - 1);
    next = target + 1;
  }
  close_on_exec(next, ~0U);
  return true;
}

bool tie_to_parent(const Plan& plan) {
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return false;
  if (::getppid() != plan.parent) ::_exit(127);  // it died before it was asked about
  return true;
}

Step run_until_failure(Plan& plan) {
  reset_signals();
  if (plan.new_session && ::setsid() < 0) return Step::kSession;
  if (plan.die_with_parent && !tie_to_parent(plan)) return Step::kParentDeath;
  // exec keeps this, and the child's own children don't inherit it.
  if (plan.adopt_orphans && ::prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) return Step::kParentDeath;
  if (plan.working_directory != nullptr && ::chdir(plan.working_directory) != 0) {
    return Step::kDirectory;
  }
  if (!place_descriptors(plan)) return Step::kDescriptors;
  ::execve(plan.program, plan.arguments, plan.environment);
  return Step::kExec;
}

[[noreturn]] void run_child(Plan& plan) {
  const int original_report = plan.report;
  ChildFailure failure;
  failure.step = run_until_failure(plan);
  failure.error_number = errno;
  const int report = plan.report < 0 ? original_report : plan.report;
  (void)!::write(report, &failure, sizeof failure);
  ::_exit(127);
}

// Signals stay blocked across the fork, so that no handler of ours runs in the child.
pid_t fork_quietly(Plan& plan) {
  sigset_t all, before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t pid = ::fork();
  if (pid == 0) run_child(plan);
  const int saved = errno;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = saved;
  return pid;
}

bool read_failure(int fd, ChildFailure& failure) {
  ssize_t n = 0;
  do {
    n = ::read(fd, &failure, sizeof failure);
  } while (n < 0 && errno == EINTR);
  return n == static_cast<ssize_t>(sizeof failure);
}

Result<std::vector<FdMapping>> complete_mappings(std::vector<FdMapping> fds, int dev_null) {
  for (int standard = 0; standard < 3; ++standard) {
    const bool named = std::any_of(fds.begin(), fds.end(),
                                   [&](const FdMapping& m) { return m.child == standard; });
    if (!named) fds.push_back({dev_null, standard});
  }
  std::sort(fds.begin(), fds.end(),
            [](const FdMapping& a, const FdMapping& b) { return a.child < b.child; });
  for (std::size_t i = 0; i < fds.size(); ++i) {
    if (fds[i].child < 0 || (i > 0 && fds[i].child == fds[i - 1].child)) {
      return fail(ErrorKind::kInvalid, "two descriptors as number {} of a child", fds[i].child);
    }
  }
  return fds;
}

struct Pipe {
  UniqueFd read_end;
  UniqueFd write_end;
};

Result<Pipe> make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return fail_errno(ErrorKind::kInternal, errno, "make a pipe");
  return Pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

Result<Child> start(Plan& plan, const SpawnOptions& options, Pipe report) {
  Child child;
  child.pid = fork_quietly(plan);
  if (child.pid < 0) {
    return fail_errno(ErrorKind::kCapacity, errno, "make a process for " + options.arguments[0]);
  }
  report.write_end.reset();
  if (ChildFailure failure; read_failure(report.read_end.get(), failure)) {
    (void)wait_until_exit(child.pid);
    const auto kind = failure.error_number == ENOENT ? ErrorKind::kNotFound : ErrorKind::kInternal;
    return fail_errno(kind, failure.error_number, attempted(failure.step, options));
  }
  auto pidfd = open_pidfd(child.pid);  // not reaped yet, so the pid is still its own
  if (!pidfd) {
    (void)::kill(child.pid, SIGKILL);
    (void)wait_until_exit(child.pid);
    return Failure(pidfd.error());
  }
  child.pidfd = *std::move(pidfd);
  return child;
}

}  // namespace

Result<Child> spawn(const SpawnOptions& options) {
  if (options.arguments.empty()) return fail(ErrorKind::kInvalid, "run a program without a name");
  const auto program = find_program(options.arguments[0]);
  if (!program) return Failure(program.error());
  const UniqueFd dev_null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!dev_null) return fail_errno(ErrorKind::kInternal, errno, "open /dev/null");
  auto fds = complete_mappings(options.fds, dev_null.get());
  if (!fds) return Failure(fds.error());
  auto report = make_pipe();
  if (!report) return Failure(report.error());

  auto arguments = pointers(options.arguments);
  static const std::vector<std::string> kNone;  // pointers into it must stay good until exec
  auto environment = pointers(options.environment ? *options.environment : kNone);
  Plan plan{.program = program->c_str(),
            .arguments = arguments.data(),
            .environment = options.environment ? environment.data() : environ,
            .working_directory =
                options.working_directory.empty() ? nullptr : options.working_directory.c_str(),
            .new_session = options.session == Session::kNew,
            .die_with_parent = options.on_parent_death == OnParentDeath::kKill,
            .adopt_orphans = options.orphans == Orphans::kToChild,
            .parent = ::getpid(),
            .fds = *std::move(fds),
            .duplicates = {},
            .first_free = 0,
            .report = report->write_end.get()};
  plan.first_free = plan.fds.back().child + 1;
  plan.duplicates.resize(plan.fds.size());
  return start(plan, options, *std::move(report));
}

}  // namespace leanto
