// For tests: while it lives, no file grows beyond a size, as on a disk that is full. Pipes and
// sockets go on. The error is EFBIG instead of ENOSPC, which `is_no_room` takes alike.
#pragma once

#include <signal.h>
#include <sys/resource.h>

namespace leanto {

class FullDisk {
 public:
  explicit FullDisk(rlim_t most_bytes = 0) : handler_(::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit small{.rlim_cur = most_bytes, .rlim_max = before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &small);
  }
  ~FullDisk() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    ::signal(SIGXFSZ, handler_);
  }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;

 private:
  void (*handler_)(int);
  rlimit before_{};
};

}  // namespace leanto
