// How a connection asks to be joined to another node: it begins with a byte that neither a frame
// nor HTTP begins with, the length of that node's name in one byte, and the name. What follows is
// for that node.
#pragma once

#include <cstdint>

namespace leanto::wire {

inline constexpr std::uint8_t kRelayMagic = 0xF8;
inline constexpr int kRelayHeader = 2;  // bytes before the name

}  // namespace leanto::wire
