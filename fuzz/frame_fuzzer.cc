// Whatever a peer sends and however it is cut into reads, the decoder finds the same frames and the
// same error, and the frames it finds are the bytes that came.
#include <cstdint>
#include <string>

#include "fuzzing.h"
#include "wire/frame.h"

namespace {

using leanto::fuzz::cut_bytes_of;
using leanto::fuzz::CutBytes;
using leanto::fuzz::expect;
using leanto::fuzz::read_into;
using leanto::wire::Frame;
using leanto::wire::FrameDecoder;

// A peer may announce gigabytes, which is not what is looked for here.
constexpr leanto::wire::FrameLimits kLimits{.head = 1 << 20, .body = 1 << 20};

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

Read read_all(const CutBytes& cut) {
  FrameDecoder decoder(kLimits);
  Read read;
  read_into(decoder, cut, [&read](auto& from) { return take_frames(from, read); });
  return read;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const CutBytes cut = cut_bytes_of(data, size);
  const Read whole = read_all({cut.bytes, {0}});
  expect(cut.bytes.starts_with(whole.frames));
  expect(read_all(cut) == whole);
  expect(read_all({cut.bytes, {1}}) == whole);
  return 0;
}
