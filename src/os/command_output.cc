#include "os/command_output.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <chrono>

#include "os/process.h"

namespace leanto {

namespace {

constexpr std::size_t kMostOutput = 1 << 20;

Result<std::string> read_until(int fd, MonotonicTime until, const std::vector<std::string>& words) {
  std::string output;
  pollfd readable{fd, POLLIN, 0};
  while (std::chrono::steady_clock::now() < until) {
    if (::poll(&readable, 1, 100) <= 0) continue;
    std::array<char, 4096> buffer;
    const ssize_t size = ::read(fd, buffer.data(), buffer.size());
    if (size <= 0) return output;
    output.append(buffer.data(), static_cast<std::size_t>(size));
    if (output.size() > kMostOutput)
      return fail(ErrorKind::kCapacity, "{} writes more than {} bytes", words[0], kMostOutput);
  }
  return fail(ErrorKind::kTimeout, "{} said nothing in time", words[0]);
}

}  // namespace

Result<std::string> output_of(const std::vector<std::string>& arguments, Duration limit) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0)
    return fail_errno(ErrorKind::kCapacity, errno, "making a pipe");
  const UniqueFd reading(ends[0]);
  UniqueFd writing(ends[1]);
  SpawnOptions options;
  options.arguments = arguments;
  options.fds = {{writing.get(), 1}};
  const Result<Child> child = spawn(options);
  if (!child) return Failure(child.error());
  writing.reset();
  Result<std::string> output =
      read_until(reading.get(), std::chrono::steady_clock::now() + limit, arguments);
  if (!output) (void)kill_group(child->pid, SIGKILL);
  (void)wait_until_exit(child->pid);
  return output;
}

}  // namespace leanto
