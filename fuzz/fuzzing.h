// What the fuzzers share.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <vector>

namespace leanto::fuzz {

inline void expect(bool holds) {
  if (!holds) std::abort();
}

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// What a peer sends, and the sizes of the reads that it comes in, again and again. A size of 0
// stands for as much as there is room.
struct CutBytes {
  std::string_view bytes;
  std::vector<std::uint8_t> sizes;
};

// The input: how many sizes follow, these, and what the peer sends.
inline CutBytes cut_bytes_of(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return {{}, {0}};
  const std::size_t count = std::min<std::size_t>(data[0] % 8, size - 1);
  CutBytes cut{text_of(data + 1 + count, size - 1 - count), {data + 1, data + 1 + count}};
  if (cut.sizes.empty()) cut.sizes.push_back(0);
  return cut;
}

// Reads `cut` into a decoder. `take` takes what the decoder has found by now, and says whether the
// connection goes on.
template <typename Decoder, typename Take>
void read_into(Decoder& decoder, const CutBytes& cut, Take take) {
  std::string_view bytes = cut.bytes;
  for (std::size_t i = 0; !bytes.empty(); ++i) {
    const auto room = decoder.prepare();
    expect(room.size > 0);
    const std::size_t wanted = cut.sizes[i % cut.sizes.size()];
    const std::size_t size = std::min({room.size, bytes.size(), wanted == 0 ? room.size : wanted});
    std::memcpy(room.data, bytes.data(), size);
    decoder.commit(size);
    bytes.remove_prefix(size);
    if (!take(decoder)) return;
  }
}

}  // namespace leanto::fuzz
