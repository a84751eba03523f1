#include "os/unix_socket.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace leanto {
namespace {

constexpr int kBacklog = 512;

// An address for `path`, and the directory's descriptor that it may go through.
struct Address {
  sockaddr_un socket{};
  UniqueFd directory;

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&socket); }
};

bool fits(const std::string& text) { return text.size() < sizeof(sockaddr_un::sun_path); }

Result<Address> make_address(const std::filesystem::path& path) {
  Address address;
  address.socket.sun_family = AF_UNIX;
  std::string text = path.string();
  if (text.empty()) return fail(ErrorKind::kInvalid, "a Unix socket without a path");
  if (!fits(text)) {
    address.directory.reset(::open(path.parent_path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!address.directory) {
      const auto kind = errno == ENOENT ? ErrorKind::kNotFound : ErrorKind::kInternal;
      return fail_errno(kind, errno, "open the directory " + path.parent_path().string());
    }
    text = fmt::format("/proc/self/fd/{}/{}", address.directory.get(), path.filename().string());
  }
  if (!fits(text)) {
    return fail(ErrorKind::kInvalid, "the name of the socket {} is too long; choose a shorter one",
                path.string());
  }
  std::memcpy(address.socket.sun_path, text.c_str(), text.size() + 1);
  return address;
}

ErrorKind kind_of(int error_number) {
  switch (error_number) {
    case ENOENT:
    case ENOTDIR:
    case ECONNREFUSED:
      return ErrorKind::kNotFound;
    case EACCES:
    case EPERM:
      return ErrorKind::kAccessDenied;
    default:
      return ErrorKind::kInternal;
  }
}

Result<UniqueFd> make_socket(SocketKind kind = SocketKind::kStream) {
  const int type = kind == SocketKind::kStream ? SOCK_STREAM : SOCK_SEQPACKET;
  UniqueFd fd(::socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
  if (!fd) return fail_errno(ErrorKind::kInternal, errno, "make a Unix socket");
  return fd;
}

Status remove_stale(const std::filesystem::path& path) {
  struct stat found{};
  if (::lstat(path.c_str(), &found) != 0) return {};
  if (!S_ISSOCK(found.st_mode)) {
    return fail(ErrorKind::kInvalid, "listen on {}: it is there and no socket; move it away",
                path.string());
  }
  const auto connected = connect_unix(path);
  if (connected || connected.error().kind != ErrorKind::kNotFound) {
    return fail(ErrorKind::kAlreadyExists, "listen on {}: another process listens there already",
                path.string());
  }
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
    return fail_errno(kind_of(errno), errno, "remove the stale socket " + path.string());
  }
  return {};
}

}  // namespace

Result<UniqueFd> listen_unix(const std::filesystem::path& path, mode_t mode, SocketKind kind) {
  const auto address = make_address(path);
  if (!address) return Failure(address.error());
  if (const auto removed = remove_stale(path); !removed) return Failure(removed.error());
  auto fd = make_socket(kind);
  if (!fd) return fd;
  // Linux gives the file the socket's own mode less the umask: never more than `mode`, not for a
  // moment. Until listen() nobody can connect, so setting it again afterwards, for the umask's
  // sake, is no gap.
  const bool listening = ::fchmod(fd->get(), mode) == 0 &&
                         ::bind(fd->get(), address->get(), sizeof(sockaddr_un)) == 0 &&
                         ::chmod(address->socket.sun_path, mode) == 0 &&
                         ::listen(fd->get(), kBacklog) == 0;
  if (listening) return fd;
  const auto error = errno == EADDRINUSE ? ErrorKind::kAlreadyExists : kind_of(errno);
  return fail_errno(error, errno, "listen on " + path.string());
}

Result<UniqueFd> connect_unix(const std::filesystem::path& path) {
  const auto address = make_address(path);
  if (!address) return Failure(address.error());
  auto fd = make_socket();
  if (!fd) return fd;
  int outcome = 0;
  do {
    outcome = ::connect(fd->get(), address->get(), sizeof(sockaddr_un));
  } while (outcome != 0 && errno == EINTR);
  if (outcome == 0) return fd;
  return fail_errno(kind_of(errno), errno, "connect to " + path.string());
}

Result<std::pair<UniqueFd, UniqueFd>> socket_pair() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    return fail_errno(ErrorKind::kInternal, errno, "make a pair of sockets");
  }
  return std::pair(UniqueFd(ends[0]), UniqueFd(ends[1]));
}

}  // namespace leanto
