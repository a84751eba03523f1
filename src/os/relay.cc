#include "os/relay.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <thread>

#include "os/files.h"
#include "os/unique_fd.h"

namespace leanto {
namespace {

constexpr std::size_t kBufferSize = 256 * 1024;

ssize_t read_some(int fd, char* buffer) {
  ssize_t size = 0;
  do {
    size = ::read(fd, buffer, kBufferSize);
  } while (size < 0 && errno == EINTR);
  return size;
}

// False if `over` says so first, or nothing comes for `milliseconds` (-1: for ever).
bool wait_for_input(int fd, int over, int milliseconds) {
  pollfd watched[2] = {{fd, POLLIN, 0}, {over, POLLIN, 0}};
  int outcome = 0;
  do {
    outcome = ::poll(watched, 2, milliseconds);
  } while (outcome < 0 && errno == EINTR);
  return outcome > 0 && watched[1].revents == 0;
}

void copy_input(int input, int socket, int over, std::chrono::milliseconds grace) {
  const auto buffer = std::make_unique_for_overwrite<char[]>(kBufferSize);
  while (wait_for_input(input, over, -1)) {
    const ssize_t size = read_some(input, buffer.get());
    if (size <= 0) break;
    if (!write_all(socket, {buffer.get(), static_cast<std::size_t>(size)}, "the node's socket")) {
      break;
    }
  }
  ::shutdown(socket, SHUT_WR);
  (void)wait_for_input(-1, over, static_cast<int>(grace.count()));
  ::shutdown(socket, SHUT_RDWR);  // wakes the other direction, if it still waits
}

Status copy_output(int socket, int output) {
  const auto buffer = std::make_unique_for_overwrite<char[]>(kBufferSize);
  while (true) {
    const ssize_t size = read_some(socket, buffer.get());
    if (size == 0 || (size < 0 && errno == ECONNRESET)) return {};
    if (size < 0) return fail_errno(ErrorKind::kInternal, errno, "read from the node's socket");
    const Status written =
        write_all(output, {buffer.get(), static_cast<std::size_t>(size)}, "the output");
    if (!written) return written;
  }
}

}  // namespace

Status relay(int input, int output, int socket, std::chrono::milliseconds grace) {
  const UniqueFd over(::eventfd(0, EFD_CLOEXEC));
  if (!over) return fail_errno(ErrorKind::kCapacity, errno, "make an eventfd");
  std::thread inward(copy_input, input, socket, over.get(), grace);
  const Status status = copy_output(socket, output);
  (void)::eventfd_write(over.get(), 1);
  ::shutdown(socket, SHUT_RDWR);  // ends a write that the node doesn't take any more
  inward.join();
  return status;
}

}  // namespace leanto
