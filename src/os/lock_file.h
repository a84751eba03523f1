// A file that one process holds: how a second daemon of the same user finds out that it is the
// second.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>

#include "base/result.h"
#include "os/unique_fd.h"

namespace leanto {

struct LockAttempt;

// Held until it's destroyed or the process ends, however it ends. The file stays: removing it would
// let two processes hold two files of the same name.
class LockFile {
 public:
  // Never waits. The file is made (0600) if it is not there; its directory must be.
  static Result<LockAttempt> try_take(const std::filesystem::path& path);

  LockFile(LockFile&&) = default;
  LockFile& operator=(LockFile&&) = default;
  ~LockFile();

 private:
  explicit LockFile(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

struct LockAttempt {
  std::optional<LockFile> lock;  // absent: another process holds it
  pid_t holder = 0;              // then its pid, or 0 while it has not written it yet
};

}  // namespace leanto
