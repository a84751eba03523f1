#include "node/log_pipe.h"

#include <unistd.h>

#include <array>
#include <cerrno>

namespace leanto::node {

namespace {

constexpr std::size_t kReadSize = 64 << 10;
constexpr int kReadsAtOnce = 64;  // a process that never stops printing must not stop the loop

}  // namespace

LogPipe::LogPipe(net::Loop& loop, UniqueFd pipe, OutputStream raw, const wire::OutputNonce& nonce,
                 OnPiece on_piece)
    : parser_(nonce, raw),
      on_piece_(std::move(on_piece)),
      readable_(loop, pipe.release(), [this] { return read_all(); }) {}

void LogPipe::drain() { read_all(); }

void LogPipe::finish() {
  read_all();
  hand_on(parser_.flush());
}

void LogPipe::hand_on(const std::vector<OutputPiece>& pieces) const {
  for (const OutputPiece& piece : pieces) on_piece_(piece);
}

net::Readable::Next LogPipe::read_all() {
  static thread_local std::array<char, kReadSize> buffer;
  for (int reads = 0; reads < kReadsAtOnce && !at_end_; ++reads) {
    const ssize_t size = ::read(readable_.descriptor(), buffer.data(), buffer.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return net::Readable::Next::kGoOn;
    if (size == 0) {
      at_end_ = true;
      break;
    }
    hand_on(parser_.feed({buffer.data(), static_cast<std::size_t>(size)}));
    if (static_cast<std::size_t>(size) < buffer.size()) return net::Readable::Next::kGoOn;
  }
  return at_end_ ? net::Readable::Next::kStop : net::Readable::Next::kGoOn;
}

}  // namespace leanto::node
