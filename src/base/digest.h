// SHA-256 digests, by which blobs, trees, images and versions are named. Python's hashlib makes the
// same ones, which is why it is SHA-256 and not something faster.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace leanto {

struct Digest {
  std::array<std::uint8_t, 32> bytes{};

  std::string hex() const;
  static std::optional<Digest> parse(std::string_view hex);  // 64 lower-case hex digits
  static Digest of(std::string_view data);

  friend auto operator<=>(const Digest&, const Digest&) = default;
};

struct DigestHash {
  std::size_t operator()(const Digest& digest) const noexcept;
};

std::string to_hex(std::string_view bytes);

}  // namespace leanto
