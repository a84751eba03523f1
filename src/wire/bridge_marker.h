// What `leanto bridge` prints before the first byte of the node's: what came before it on the same
// stream is noise of shell start-up files. The empty line ends whatever line they left open.
#pragma once

#include <string_view>

namespace leanto::wire {

inline constexpr std::string_view kBridgeLine = "LEANTO BRIDGE 1";  // the line, without its ends
inline constexpr std::string_view kBridgeMarker = "\nLEANTO BRIDGE 1\n";

}  // namespace leanto::wire
