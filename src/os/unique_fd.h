// The owner of a file descriptor: closes it when it goes. Move-only; -1 means "none".
#pragma once

#include <unistd.h>

#include <cerrno>
#include <utility>

namespace leanto {

class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) noexcept : fd_(fd) {}
  ~UniqueFd() { reset(); }

  UniqueFd(UniqueFd&& other) noexcept : fd_(other.release()) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    if (this != &other) reset(other.release());
    return *this;
  }
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;

  int get() const noexcept { return fd_; }
  explicit operator bool() const noexcept { return fd_ >= 0; }

  // Gives the descriptor to the caller, who closes it.
  [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }

  // Closes what it owned, then owns `fd`. Leaves errno as it was.
  void reset(int fd = -1) noexcept;

 private:
  int fd_ = -1;
};

inline void UniqueFd::reset(int fd) noexcept {
  const int old = std::exchange(fd_, fd);
  if (old < 0) return;
  const int saved = errno;
  // Linux closes the descriptor even when close() says EINTR: never try again.
  (void)::close(old);
  errno = saved;
}

}  // namespace leanto
