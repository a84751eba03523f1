#include "os/fd_passing.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace leanto {
namespace {

// Room for the descriptors of one message, aligned as the kernel wants it.
struct Control {
  alignas(cmsghdr) char bytes[CMSG_SPACE(kMaxFdsPerMessage * sizeof(int))]{};
};

void attach(msghdr& message, Control& control, std::span<const int> fds) {
  if (fds.empty()) return;
  message.msg_control = control.bytes;
  message.msg_controllen = CMSG_SPACE(fds.size_bytes());
  cmsghdr* const header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(fds.size_bytes());
  std::memcpy(CMSG_DATA(header), fds.data(), fds.size_bytes());
}

std::vector<UniqueFd> detach(msghdr& message) {
  std::vector<UniqueFd> fds;
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
       header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof fd);
      fds.emplace_back(fd);
    }
  }
  return fds;
}

}  // namespace

Result<std::size_t> send_fds(int socket, std::string_view bytes, std::span<const int> fds) {
  if (bytes.empty() || fds.size() > kMaxFdsPerMessage) {
    return fail(ErrorKind::kInvalid, "send {} descriptors with {} bytes: 0 to {} with at least one",
                fds.size(), bytes.size(), kMaxFdsPerMessage);
  }
  iovec data{const_cast<char*>(bytes.data()), bytes.size()};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  Control control;
  attach(message, control, fds);
  for (;;) {
    const ssize_t n = ::sendmsg(socket, &message, MSG_NOSIGNAL);
    if (n >= 0) return static_cast<std::size_t>(n);
    if (errno == EAGAIN || errno == EWOULDBLOCK) return 0;
    if (errno != EINTR) return fail_errno(ErrorKind::kInternal, errno, "send descriptors");
  }
}

Result<ReceivedFds> receive_fds(int socket, std::span<char> buffer, std::size_t max_fds) {
  iovec data{buffer.data(), buffer.size()};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  Control control;
  message.msg_control = control.bytes;
  message.msg_controllen = sizeof control.bytes;
  ssize_t n = 0;
  do {
    n = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  } while (n < 0 && errno == EINTR);
  if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
    return ReceivedFds{ReceiveOutcome::kWouldBlock, 0, {}};
  }
  if (n < 0) return fail_errno(ErrorKind::kInternal, errno, "receive descriptors");
  std::vector<UniqueFd> fds = detach(message);  // owned from here on, so an error closes them
  if (fds.size() > max_fds || (message.msg_flags & MSG_CTRUNC) != 0) {
    return fail(ErrorKind::kProtocol, "received {} descriptors where at most {} were expected",
                fds.size(), max_fds);
  }
  const auto outcome = n == 0 ? ReceiveOutcome::kClosed : ReceiveOutcome::kData;
  return ReceivedFds{outcome, static_cast<std::size_t>(n), std::move(fds)};
}

}  // namespace leanto
