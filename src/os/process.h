// Child processes: starting one with chosen descriptors, watching it by pidfd, sending it signals
// and learning how it ended. Nothing here owns a thread or waits, except `wait_until_exit`.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "os/unique_fd.h"

namespace leanto {

struct FdMapping {
  int parent = -1;  // a descriptor here
  int child = -1;   // its number there
};

// A process group is killed as a whole only if it is the child's own: kNew.
enum class Session { kShared, kNew };

// kKill: the kernel kills the child when the *thread* that spawned it ends, so spawn from a thread
// that lives as long as the process.
enum class OnParentDeath { kLiveOn, kKill };

// kToChild: orphans among the child's descendants become its children (it's a subreaper).
enum class Orphans { kToInit, kToChild };

struct SpawnOptions {
  std::vector<std::string>
      arguments{};  // the first is the program: a path, or a name found in PATH
  std::optional<std::vector<std::string>>
      environment{};                          // "NAME=value"; absent: this process's own
  std::filesystem::path working_directory{};  // empty: this process's own
  std::vector<FdMapping>
      fds{};  // 0, 1 and 2 are /dev/null unless named here; all others are closed
  Session session = Session::kNew;
  OnParentDeath on_parent_death = OnParentDeath::kLiveOn;
  Orphans orphans = Orphans::kToInit;
};

// The pid stays the child's until it's reaped by `try_wait`, `wait_until_exit` or `reap_one`.
struct Child {
  pid_t pid = -1;
  UniqueFd pidfd;  // from `open_pidfd`: becomes readable when the process has ended
};

// This process's own environment and `variables`, as "NAME=value", for a Python of somebody else's
// choice: what was set for this process's own one (PYTHON*) isn't for that.
std::vector<std::string> environment_for_python(
    const std::map<std::string, std::string>& variables = {});

// Returns once the program is running: what stops it from starting (no such program, no such
// working directory) is an error here. The child starts with no blocked signals and default
// handlers.
Result<Child> spawn(const SpawnOptions& options);

// Or what does the same where the kernel has no pidfds (process_watch.h). kNotFound when it's gone.
Result<UniqueFd> open_pidfd(pid_t pid);

// How a process ended: one of the two is set.
struct ExitStatus {
  std::optional<int> code;
  std::optional<int> signal;

  friend bool operator==(const ExitStatus&, const ExitStatus&) = default;
};

std::string signal_name(int signal);             // "SIGKILL"; "signal 99" if it has no name
std::string describe(const ExitStatus& status);  // "exit code 3", "killed by SIGKILL"

// Takes the status of a child that has ended, which frees its pid; nothing while it is running.
// kNotFound if `pid` is no child of this process, or was taken already.
Result<std::optional<ExitStatus>> try_wait(pid_t pid);

// The same, but waits for the end. For tests and for commands, not for the loop.
Result<ExitStatus> wait_until_exit(pid_t pid);

struct Reaped {
  pid_t pid = -1;
  ExitStatus status;
};

// Takes the status of any child that has ended, adopted ones too; nothing if there is none.
std::optional<Reaped> reap_one();

enum class Delivery { kSent, kGone };

Result<Delivery> send_signal(const UniqueFd& pidfd, int signal);

// To every process of the group `group`, the pid of its first process. kInvalid for 1 and less,
// which would mean "everything".
Result<Delivery> kill_group(pid_t group, int signal);

// True while a process of the group exists; one that ended but was not reaped counts.
bool group_exists(pid_t group);

// From now on orphans among this process's descendants become its children.
Status become_subreaper();

}  // namespace leanto
