#include "net/fingerprint.h"

#include "base/digest.h"

namespace leanto::net {

namespace {

constexpr std::size_t kFingerprintSize = 64;  // hex digits

}  // namespace

std::optional<std::string> parse_fingerprint(std::string_view text) {
  std::string digits;
  for (char c : text) {
    if (c == ':') continue;
    if (c >= 'A' && c <= 'F') c = static_cast<char>(c - 'A' + 'a');
    digits += c;
  }
  if (digits.size() != kFingerprintSize || !Digest::parse(digits)) return std::nullopt;
  return digits;
}

}  // namespace leanto::net
