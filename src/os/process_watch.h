// A stand-in for pidfds where the kernel has none (Linux before 5.3).
#pragma once

#include <sys/types.h>

#include "base/result.h"
#include "os/unique_fd.h"

namespace leanto {

// Becomes readable when the process has ended, as a pidfd does. A thread of its own waits for that:
// by waitid if it's a child of this process, otherwise by looking a few times a second.
// kNotFound when there is no such process.
Result<UniqueFd> watch_process(pid_t pid);

// The process that such a descriptor is about; 0 when it has ended.
pid_t watched_process(int watch);

}  // namespace leanto
