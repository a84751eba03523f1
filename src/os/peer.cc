#include "os/peer.h"

#include <sys/socket.h>

#include <cerrno>

namespace leanto {

Result<PeerCredentials> peer_credentials(int socket) {
  ucred found{};
  socklen_t size = sizeof found;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &found, &size) != 0) {
    return fail_errno(ErrorKind::kInternal, errno, "ask who connected to a Unix socket");
  }
  return PeerCredentials{found.pid, found.uid, found.gid};
}

}  // namespace leanto
