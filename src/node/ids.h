// Ids of what lives in this node's memory.
#pragma once

#include <string>

namespace leanto::node {

// 16 hex digits, drawn at random; empty if the kernel has no randomness to give.
std::string make_object_id();

}  // namespace leanto::node
