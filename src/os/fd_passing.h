// Descriptors sent over a Unix stream socket (SCM_RIGHTS), together with bytes.
//
// The descriptors arrive with the first of the bytes they were sent with, so send them with the
// start of a message and receive with `receive_fds` wherever a message may start.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "os/unique_fd.h"

namespace leanto {

inline constexpr std::size_t kMaxFdsPerMessage = 253;  // the kernel's limit

// Returns how many of `bytes` went out, like send(): with the first of them went all of `fds`,
// which stay open here too. 0 only if the socket is non-blocking and full, and then no descriptor
// went either. `bytes` must not be empty.
Result<std::size_t> send_fds(int socket, std::string_view bytes, std::span<const int> fds);

enum class ReceiveOutcome {
  kData,
  kWouldBlock,  // a non-blocking socket with nothing to read
  kClosed,      // the other side said that nothing more comes
};

struct ReceivedFds {
  ReceiveOutcome outcome = ReceiveOutcome::kData;
  std::size_t bytes = 0;      // how much of the buffer was filled
  std::vector<UniqueFd> fds;  // close-on-exec
};

// Reads up to `buffer.size()` bytes and at most `max_fds` descriptors. More descriptors than that
// are closed, and it is an error: kProtocol.
Result<ReceivedFds> receive_fds(int socket, std::span<char> buffer, std::size_t max_fds);

}  // namespace leanto
