// Whatever a peer sends and however it is cut into reads, the decoder finds the same frames and the
// same error, and the frames it finds are the bytes that came.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "wire/frame.h"

namespace {

using leanto::wire::Frame;
using leanto::wire::FrameDecoder;

// A peer may announce gigabytes, which is not what is looked for here.
constexpr leanto::wire::FrameLimits kLimits{.head = 1 << 20, .body = 1 << 20};

void expect(bool holds) {
  if (!holds) std::abort();
}

struct Read {
  std::string frames;  // encoded again
  std::string error;

  friend bool operator==(const Read&, const Read&) = default;
};

void add(Read& read, const Frame& frame) {
  const auto head_size = static_cast<std::uint32_t>(frame.head.size());
  leanto::wire::append_header(read.frames,
                              {frame.type, frame.stream, head_size, frame.body.size()});
  read.frames += frame.head;
  read.frames += frame.body.view();
}

// False when the connection is to end.
bool take_frames(FrameDecoder& decoder, Read& read) {
  while (true) {
    const auto frame = decoder.next();
    if (!frame) read.error = frame.error().message;
    if (!frame) return false;
    if (!*frame) return true;
    add(read, **frame);
  }
}

// `sizes` are those of the reads, again and again; 0 stands for as much as there is room.
Read read_all(std::string_view bytes, const std::vector<std::uint8_t>& sizes) {
  FrameDecoder decoder(kLimits);
  Read read;
  for (std::size_t i = 0; !bytes.empty(); ++i) {
    const FrameDecoder::Room room = decoder.prepare();
    expect(room.size > 0);
    const std::size_t wanted = sizes[i % sizes.size()];
    const std::size_t size = std::min({room.size, bytes.size(), wanted == 0 ? room.size : wanted});
    std::memcpy(room.data, bytes.data(), size);
    decoder.commit(size);
    bytes.remove_prefix(size);
    if (!take_frames(decoder, read)) break;
  }
  return read;
}

}  // namespace

// The input: how many sizes of reads follow, these, and what the peer sends.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t count = std::min<std::size_t>(data[0] % 8, size - 1);
  std::vector<std::uint8_t> sizes(data + 1, data + 1 + count);
  if (sizes.empty()) sizes.push_back(0);
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1 + count, size - 1 - count);

  const Read whole = read_all(bytes, {0});
  expect(bytes.starts_with(whole.frames));
  expect(read_all(bytes, sizes) == whole);
  expect(read_all(bytes, {1}) == whole);
  return 0;
}
