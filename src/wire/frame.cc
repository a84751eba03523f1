#include "wire/frame.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

namespace leanto::wire {

namespace {

constexpr std::size_t kBufferSize = 64 << 10;
static_assert(std::endian::native == std::endian::little,
              "the header is written as it lies in memory");

template <typename T>
T load(const char* bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

template <typename T>
void store(char* bytes, T value) {
  std::memcpy(bytes, &value, sizeof value);
}

bool is_known(std::uint8_t type) {
  return type >= static_cast<std::uint8_t>(FrameType::kHello) &&
         type <= static_cast<std::uint8_t>(FrameType::kReceived);
}

}  // namespace

void append_header(std::string& out, const FrameHeader& header) {
  char bytes[kHeaderSize] = {};
  store(bytes, kMagic);
  store(bytes + 1, kFrameVersion);
  store(bytes + 2, static_cast<std::uint8_t>(header.type));
  store(bytes + 4, header.stream);
  store(bytes + 8, header.head_size);
  store(bytes + 12, header.body_size);
  out.append(bytes, kHeaderSize);
}

Result<FrameHeader> parse_header(const char* bytes, const FrameLimits& limits) {
  const auto magic = load<std::uint8_t>(bytes);
  const auto version = load<std::uint8_t>(bytes + 1);
  const auto type = load<std::uint8_t>(bytes + 2);
  const auto flags = load<std::uint8_t>(bytes + 3);
  if (magic != kMagic) {
    return fail(ErrorKind::kProtocol, "not a Leanto frame: it begins with byte {:#04x}", magic);
  }
  if (version != kFrameVersion) {
    return fail(ErrorKind::kProtocol,
                "frame version {} where {} is spoken; upgrade the older of the two sides", version,
                kFrameVersion);
  }
  if (!is_known(type)) return fail(ErrorKind::kProtocol, "unknown frame type {}", type);
  if (flags != 0) return fail(ErrorKind::kProtocol, "unknown frame flags {:#04x}", flags);
  const FrameHeader header{static_cast<FrameType>(type), load<std::uint32_t>(bytes + 4),
                           load<std::uint32_t>(bytes + 8), load<std::uint64_t>(bytes + 12)};
  if (header.head_size > limits.head) {
    return fail(ErrorKind::kProtocol, "a frame head of {} bytes is over the limit of {}",
                header.head_size, limits.head);
  }
  if (header.body_size > limits.body) {
    return fail(ErrorKind::kProtocol, "a value of {} bytes is over the limit of {}",
                header.body_size, limits.body);
  }
  return header;
}

Body Body::to_owned() && {
  if (owns()) return std::move(*this);
  auto copy = std::make_unique_for_overwrite<char[]>(view_.size());
  std::copy(view_.begin(), view_.end(), copy.get());
  return Body(std::move(copy), view_.size());
}

FrameDecoder::FrameDecoder(FrameLimits limits)
    : limits_(limits),
      buffer_(std::make_unique_for_overwrite<char[]>(kBufferSize)),
      capacity_(kBufferSize) {}

FrameDecoder::Room FrameDecoder::prepare() {
  if (pending_body_) {
    return {pending_body_.get() + pending_size_, pending_.body_size - pending_size_};
  }
  if (begin_ > 0) {
    std::memmove(buffer_.get(), buffer_.get() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (end_ == capacity_) {  // only a head larger than the buffer comes here
    const std::size_t larger = capacity_ * 2;
    auto grown = std::make_unique_for_overwrite<char[]>(larger);
    std::memcpy(grown.get(), buffer_.get(), end_);
    buffer_ = std::move(grown);
    capacity_ = larger;
  }
  return {buffer_.get() + end_, capacity_ - end_};
}

void FrameDecoder::commit(std::size_t size) { (pending_body_ ? pending_size_ : end_) += size; }

Result<std::optional<Frame>> FrameDecoder::next() {
  if (pending_body_) return take_large_body();
  if (spool_) return take_spooled_body();
  if (end_ - begin_ < kHeaderSize) return std::nullopt;
  const char* start = buffer_.get() + begin_;
  const Result<FrameHeader> header = parse_header(start, limits_);
  if (!header) return Failure(header.error());

  const std::size_t front = kHeaderSize + header->head_size;
  if (end_ - begin_ < front) return std::nullopt;
  if (front + header->body_size > kBufferSize) {
    if (Status started = start_large_body(*header); !started) return Failure(started.error());
    return spool_ ? take_spooled_body() : take_large_body();
  }
  if (end_ - begin_ < front + header->body_size) return std::nullopt;
  begin_ += front + header->body_size;
  return Frame{header->type,
               header->stream,
               {start + kHeaderSize, header->head_size},
               Body(std::string_view(start + front, header->body_size))};
}

Status FrameDecoder::start_large_body(const FrameHeader& header) {
  const char* start = buffer_.get() + begin_;
  const std::size_t front = kHeaderSize + header.head_size;
  pending_ = header;
  pending_head_.assign(start + kHeaderSize, header.head_size);
  pending_size_ = 0;
  if (make_spool_) spool_ = make_spool_(header.body_size);
  if (spool_) {
    begin_ += front;
    return {};
  }
  // The size is the peer's word: it must not end the process.
  pending_body_.reset(new (std::nothrow) char[header.body_size]);
  if (!pending_body_) {
    return fail(ErrorKind::kCapacity, "there is no memory here for a value of {} bytes",
                header.body_size);
  }
  pending_size_ = std::min<std::size_t>(end_ - begin_ - front, header.body_size);
  std::memcpy(pending_body_.get(), start + front, pending_size_);
  begin_ += front + pending_size_;
  return {};
}

Result<std::optional<Frame>> FrameDecoder::take_spooled_body() {
  const std::size_t size = std::min<std::size_t>(end_ - begin_, pending_.body_size - pending_size_);
  if (Status taken = spool_->append({buffer_.get() + begin_, size}); !taken)
    return Failure(taken.error());
  begin_ += size;
  pending_size_ += size;
  if (pending_size_ < pending_.body_size) return std::nullopt;
  Result<Body> body = std::exchange(spool_, nullptr)->finish();
  if (!body) return Failure(body.error());
  return Frame{pending_.type, pending_.stream, pending_head_, *std::move(body)};
}

std::optional<Frame> FrameDecoder::take_large_body() {
  if (pending_size_ < pending_.body_size) return std::nullopt;
  return Frame{pending_.type, pending_.stream, pending_head_,
               Body(std::move(pending_body_), pending_.body_size)};
}

}  // namespace leanto::wire
