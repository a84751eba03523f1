// Unix stream sockets by path. A path may be longer than the 107 bytes that fit into a socket
// address (only its last part has to be short): it is reached through the directory's descriptor.
// All descriptors are blocking and close-on-exec.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <utility>

#include "base/result.h"
#include "os/unique_fd.h"

namespace leanto {

enum class SocketKind { kStream, kMessages };  // kMessages: SOCK_SEQPACKET

// Listens at `path`, which gets exactly `mode` (only the owner by default) from its first moment
// on. A socket that nobody listens on any more is replaced; hold a LockFile if two processes may
// try at once. kAlreadyExists if somebody listens there, kInvalid if something else than a socket
// lies there.
Result<UniqueFd> listen_unix(const std::filesystem::path& path, mode_t mode = 0600,
                             SocketKind kind = SocketKind::kStream);

// kNotFound if there is no socket or nobody listens on it, kAccessDenied if it is somebody else's.
Result<UniqueFd> connect_unix(const std::filesystem::path& path);

// Two ends of a connection, for a process and its child.
Result<std::pair<UniqueFd, UniqueFd>> socket_pair();

}  // namespace leanto
