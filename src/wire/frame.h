// Frames: everything that Leanto says to itself. docs/wire.md is the manual; this file is the
// format.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "wire/body.h"
#include "wire/body_spool.h"

namespace leanto::wire {

enum class FrameType : std::uint8_t {
  kHello = 1,
  kAsk = 2,
  kCall = 3,
  kResult = 4,
  kError = 5,
  kLog = 6,
  kYield = 7,
  kCredit = 8,
  kCancel = 9,
  kReady = 10,
  kReading = 11,
  kImports = 12,
  kPipes = 13,
  kRecorded = 14,
  // Between nodes (docs/wire.md, "Links").
  kLink = 15,
  kOpen = 16,
  kData = 17,
  kWindow = 18,
  kClose = 19,
  kReceived = 20,
};

inline constexpr std::uint8_t kMagic = 0xF7;
inline constexpr std::uint8_t kFrameVersion = 1;
inline constexpr std::size_t kHeaderSize = 20;

struct FrameHeader {
  FrameType type = FrameType::kHello;
  std::uint32_t stream = 0;
  std::uint32_t head_size = 0;
  std::uint64_t body_size = 0;

  friend bool operator==(const FrameHeader&, const FrameHeader&) = default;
};

struct FrameLimits {
  std::uint32_t head = 1 << 20;
  std::uint64_t body = std::uint64_t{16} << 30;
};

void append_header(std::string& out, const FrameHeader& header);
// `bytes` holds kHeaderSize bytes.
Result<FrameHeader> parse_header(const char* bytes, const FrameLimits& limits);

struct Frame {
  FrameType type = FrameType::kHello;
  std::uint32_t stream = 0;
  std::string_view head;
  Body body;
};

// Bytes in, frames out. A reader asks `prepare` where to read to, says with `commit` how much came,
// and takes frames with `next` until there is none. A frame's views are good until the next `next`
// or `prepare`; a body too large for the buffer is read into memory of its own, so that it is never
// copied, or, if it's really large, goes through the buffer into a spool.
class FrameDecoder {
 public:
  explicit FrameDecoder(FrameLimits limits = {});

  // From the next frame on.
  void set_limits(FrameLimits limits) { limits_ = limits; }
  void set_spools(MakeBodySpool make) { make_spool_ = std::move(make); }

  struct Room {
    char* data;
    std::size_t size;  // never zero
  };
  Room prepare();
  void commit(std::size_t size);
  // Nothing when more bytes are needed; an error (kProtocol, kCapacity) ends the connection.
  Result<std::optional<Frame>> next();
  bool in_the_middle() const { return pending_body_ || spool_ || begin_ != end_; }

 private:
  std::optional<Frame> take_large_body();
  Result<std::optional<Frame>> take_spooled_body();
  Status start_large_body(const FrameHeader& header);

  FrameLimits limits_;
  std::unique_ptr<char[]> buffer_;
  std::size_t capacity_;
  std::size_t begin_ = 0;  // unread bytes are [begin_, end_)
  std::size_t end_ = 0;

  // A frame whose body has memory of its own, or goes into a spool.
  FrameHeader pending_;
  std::string pending_head_;
  std::unique_ptr<char[]> pending_body_;
  std::unique_ptr<BodySpool> spool_;
  std::size_t pending_size_ = 0;

  MakeBodySpool make_spool_;
};

}  // namespace leanto::wire
