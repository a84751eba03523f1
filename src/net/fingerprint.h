// How a certificate is known: by the SHA-256 of its bytes, as 64 hex digits in small letters.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace leanto::net {

// A fingerprint as people copy it, also in capitals and with colons, in the form above.
std::optional<std::string> parse_fingerprint(std::string_view text);

}  // namespace leanto::net
