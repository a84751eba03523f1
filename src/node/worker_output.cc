// Worker: whose output is whose.
#include <array>
#include <utility>

#include "node/worker.h"
#include "os/fd_passing.h"

namespace leanto::node {

// The side channel and `stream_` are two sockets: the descriptors were sent before the frame that
// announces them. Calls that start processes at the same time may announce in another order than
// they sent, so whatever comes goes to the call that it names.
void Worker::take_call_pipes(std::uint32_t announced) {
  drain_output(0);  // what the call wrote so far went through the worker's own pipes
  if (const auto call = running_.find(announced); call != running_.end() && call->second.out)
    return;
  while (const std::optional<std::uint32_t> number = take_next_pipes()) {
    if (*number == announced) return;
  }
}

// Returns the call that the pipes are of; nothing if none have been sent.
std::optional<std::uint32_t> Worker::take_next_pipes() {
  std::array<char, 4> bytes;
  Result<ReceivedFds> received = receive_fds(side_.get(), bytes, 2);
  if (!received || received->bytes != bytes.size() || received->fds.size() != 2) return {};
  std::uint32_t number = 0;
  for (std::size_t i = bytes.size(); i-- > 0;) {
    number = number << 8 | static_cast<unsigned char>(bytes[i]);
  }
  const auto call = running_.find(number);
  if (call == running_.end() || call->second.out) return number;
  auto on_piece = [this, number](const OutputPiece& piece) { attribute(number, piece); };
  call->second.out = std::make_unique<LogPipe>(loop_, std::move(received->fds[0]),
                                               OutputStream::kStdout, nonce_, on_piece);
  call->second.err = std::make_unique<LogPipe>(loop_, std::move(received->fds[1]),
                                               OutputStream::kStderr, nonce_, on_piece);
  return number;
}

// Everything that was written before the frame at hand was sent lies in the pipes by now.
void Worker::drain_output(std::uint32_t number) {
  if (drained_batch_ != stream_->batch()) {
    drained_batch_ = stream_->batch();
    out_.drain();
    err_.drain();
  }
  const auto call = running_.find(number);
  if (call == running_.end() || !call->second.out) return;
  call->second.out->drain();
  call->second.err->drain();
}

// `pipe_call` is the call that the pipe belongs to, 0 for the worker's own pipes. Bytes without a
// record in those come from C code: they belong to the only call that runs, and when several run,
// to the service.
void Worker::attribute(std::uint32_t pipe_call, const OutputPiece& piece) {
  std::uint32_t number = piece.call.value_or(pipe_call);
  if (!piece.call && pipe_call == 0 && running_.size() == 1) number = running_.begin()->first;
  if (mask_) {
    show_masked(number, piece.stream, mask_->feed(number, piece.stream, piece.text));
  } else {
    events_.on_output(*this, number, piece.stream, piece.text);
  }
}

void Worker::show_masked(std::uint32_t number, OutputStream stream, const std::string& text) {
  if (!text.empty()) events_.on_output(*this, number, stream, text);
}

void Worker::flush_mask(std::uint32_t number) {
  if (!mask_) return;
  for (const OutputStream stream : {OutputStream::kStdout, OutputStream::kStderr})
    show_masked(number, stream, mask_->flush(number, stream));
}

}  // namespace leanto::node
