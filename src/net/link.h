// Many byte channels between two nodes over one stream of frames, which may break and be replaced:
// nothing that was sent is lost or comes twice (docs/wire.md, "Links").
//
//   attach ──▶ attached ──detach / attach another──▶ ... ──end──▶ ended: all channels are closed
//
// Each side counts the frames of channels that it has received, and keeps those that it has sent
// until the peer says that it has them. On a new stream each says its count first, and goes on
// there.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>

#include "base/clock.h"
#include "net/channel.h"
#include "net/frame_stream.h"
#include "wire/head.h"

namespace leanto::net {

class Link final : public ChannelPort, public std::enable_shared_from_this<Link> {
 public:
  enum class Side { kDialled, kAccepted };

  struct Limits {
    std::size_t unconfirmed = 32 << 20;  // bytes sent that the peer hasn't confirmed
    std::size_t queued = 1 << 20;        // bytes that the stream hasn't taken yet
    std::size_t channels = 10'000;
  };

  // The peer opens a channel: it's joined to the socket that is returned.
  using OnOpen = std::function<Result<int>(const wire::Json& head)>;

  Link(Loop& loop, Side side, OnOpen on_open, Limits limits);
  Link(Loop& loop, Side side, OnOpen on_open) : Link(loop, side, std::move(on_open), Limits()) {}
  ~Link() override;
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  // How many frames of channels have come, in all streams.
  std::uint64_t received() const { return received_; }

  // `stream` carries the link from now on. `heard`: how many frames the peer has. kProtocol if that
  // can't be: the peer speaks of another link.
  Status attach(std::shared_ptr<FrameStream> stream, std::uint64_t heard);
  // Nothing if it isn't that one any more.
  void detach(const FrameStream& stream);
  bool is_attached() const { return stream_ != nullptr; }
  const std::shared_ptr<FrameStream>& stream() const { return stream_; }

  // A frame of the attached stream. kProtocol: the stream has to be closed.
  Status on_frame(wire::Frame& frame);

  // Joins a connected, non-blocking socket to a new channel there. After an error the socket is the
  // caller's.
  Status open(int socket);

  // Says that it's alive, if nothing else was said since the last time.
  void keep_alive();
  // Whether anything has come since the last time that this was asked.
  bool has_heard();

  // Closes all channels, and tells the peer if a stream is there; it's of no more use.
  void end();
  bool has_ended() const { return ended_; }
  std::size_t channels() const { return channels_.size(); }

  void send(wire::FrameType type, std::uint32_t channel, std::string_view head,
            wire::Body body) override;
  bool has_room() const override;
  void wait_for_room(std::shared_ptr<Channel> channel) override;
  void on_closed(std::uint32_t channel) override { channels_.erase(channel); }

 private:
  struct Sent {
    wire::FrameType type;
    std::uint32_t channel;
    std::string head;
    wire::Body body;
    std::size_t size() const { return wire::kHeaderSize + head.size() + body.size(); }
  };

  Status on_open(std::uint32_t channel, std::string_view head);
  Status on_channel_frame(wire::Frame& frame);
  Status confirm(std::uint64_t heard);
  void say_received();
  void wake_waiting();
  void join(std::uint32_t channel, int socket);

  Loop& loop_;
  const OnOpen on_open_;
  const Limits limits_;
  std::shared_ptr<FrameStream> stream_;
  std::unordered_map<std::uint32_t, std::shared_ptr<Channel>> channels_;
  std::uint32_t next_channel_;

  std::deque<Sent> unconfirmed_;
  std::size_t unconfirmed_bytes_ = 0;
  std::uint64_t confirmed_ = 0;  // frames; those in unconfirmed_ come after them
  std::uint64_t received_ = 0;
  std::size_t received_since_ = 0;  // bytes, since the peer was told
  std::deque<std::shared_ptr<Channel>> waiting_;
  bool has_sent_ = false;
  bool has_heard_ = false;
  bool ended_ = false;
};

}  // namespace leanto::net
