// A socket joined to two other descriptors, as `leanto bridge` joins the node's to its standard
// streams.
#pragma once

#include <chrono>

#include "base/result.h"

namespace leanto {

// How long the socket's peer may go on after `input` has ended.
inline constexpr std::chrono::milliseconds kRelayGrace{5'000};

// Copies `input` to `socket` and `socket` to `output`, both at once, until the socket's peer has
// closed (success) or `output` has nobody who reads. When `input` ends the socket is shut down for
// writing, and its peer has `grace` to say the rest. Blocks; uses a thread of its own besides the
// caller's. SIGPIPE must be ignored.
Status relay(int input, int output, int socket, std::chrono::milliseconds grace = kRelayGrace);

}  // namespace leanto
