// Who is at the other end of a Unix socket, as the kernel noted it when the connection was made.
#pragma once

#include <sys/types.h>

#include "base/result.h"

namespace leanto {

struct PeerCredentials {
  pid_t pid = 0;  // may be gone, and its number reused
  uid_t uid = 0;
  gid_t gid = 0;

  friend bool operator==(const PeerCredentials&, const PeerCredentials&) = default;
};

Result<PeerCredentials> peer_credentials(int socket);

}  // namespace leanto
