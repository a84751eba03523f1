// How a connection that isn't served is told why, in frames.
#pragma once

#include <string>

#include "base/result.h"

namespace leanto::node {

// An ERROR on stream 0.
std::string refusal_frame(const Error& reason);

// Says it on a non-blocking socket, which is then to be closed.
void refuse(int socket, const Error& reason);

}  // namespace leanto::node
