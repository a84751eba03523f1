// A connection that carries frames both ways.
//
// Sending never blocks: what the socket doesn't take at once waits in order. Frames that are sent
// while a batch of received ones is being handled leave together at its end, so that pipelined
// calls cost one system call a batch and a single one leaves at once.
#pragma once

#include <boost/asio/generic/stream_protocol.hpp>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "net/connection.h"
#include "net/loop.h"
#include "wire/frame.h"

namespace leanto::net {

class FrameStream;

// The streams with frames that have not left yet. One per loop.
class Outgoing {
 public:
  explicit Outgoing(Loop& loop) : loop_(loop) {}

  void add(std::shared_ptr<FrameStream> stream);
  void flush();

  // Between `begin_batch` and `end_batch` nothing leaves.
  void begin_batch() { ++batches_; }
  void end_batch();

 private:
  Loop& loop_;
  std::deque<std::shared_ptr<FrameStream>> waiting_;
  int batches_ = 0;
  bool flush_posted_ = false;
};

class FrameStream : public std::enable_shared_from_this<FrameStream> {
 public:
  using OnFrame = std::function<void(wire::Frame&)>;

  FrameStream(Loop& loop, Outgoing& outgoing, Connection connection, wire::FrameLimits limits = {});
  FrameStream(const FrameStream&) = delete;
  FrameStream& operator=(const FrameStream&) = delete;

  // Hands each frame to `on_frame` until the peer closes (success), the connection breaks or is not
  // ours. What `on_frame` throws is kInternal.
  Task<Status> receive(OnFrame on_frame);

  // Of what is received from the next frame on.
  void set_limits(wire::FrameLimits limits) { decoder_.set_limits(limits); }
  void set_spools(wire::MakeBodySpool make) { decoder_.set_spools(std::move(make)); }

  void send(wire::FrameType type, std::uint32_t stream, std::string_view head,
            wire::Body body = {});
  // Sends what waits, as far as the socket takes it; Outgoing calls it.
  void flush();

  // Calls `on_drained` each time that all of what had to wait has left.
  void set_on_drained(std::function<void()> on_drained) { on_drained_ = std::move(on_drained); }

  void close();
  bool is_open() const { return socket_.is_open(); }
  std::size_t queued_bytes() const { return queued_bytes_; }
  // How often something has come; frames of the same batch came together.
  std::uint64_t batch() const { return batch_; }

 private:
  using Socket = boost::asio::generic::stream_protocol::socket;

  Status handle_batch(const OnFrame& on_frame);
  void wait_until_writable();
  void go_on_soon();
  void go_on();
  bool write_some();
  bool write_some_by_tls();
  // How much has come, or nothing if the connection has ended.
  Task<std::optional<std::size_t>> read_by_tls(wire::FrameDecoder::Room room);
  void drop_written(std::size_t size);

  Loop& loop_;
  Outgoing& outgoing_;
  Socket socket_;
  std::unique_ptr<TlsSession> tls_;  // what is spoken on the socket, if it's not frames themselves
  bool tls_has_more_ = false;
  std::shared_ptr<void> held_;
  wire::FrameDecoder decoder_;
  std::uint64_t batch_ = 0;

  // A large body is a chunk of its own; small frames are gathered in the last chunk.
  struct Chunk {
    std::string text;
    wire::Body body;
    std::string_view bytes() const { return body.owns() ? body.view() : std::string_view(text); }
  };
  std::deque<Chunk> chunks_;
  std::size_t first_offset_ = 0;
  std::size_t queued_bytes_ = 0;
  bool in_outgoing_ = false;
  bool waits_writable_ = false;
  std::function<void()> on_drained_;
};

}  // namespace leanto::net
