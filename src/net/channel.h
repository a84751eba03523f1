// One socket here, joined over a link to one at the peer: what is read from it is written there,
// and the other way round. It's closed here when the other end is, after everything has been
// written.
//
// A reader that doesn't read stops only its own channel: each direction has a window, how many
// bytes may be under way, which grows while they are read fast.
#pragma once

#include <boost/asio/generic/stream_protocol.hpp>
#include <cstdint>
#include <deque>
#include <memory>
#include <string_view>

#include "net/loop.h"
#include "wire/frame.h"

namespace leanto::net {

class Channel;

// What a channel needs of its link.
class ChannelPort {
 public:
  virtual ~ChannelPort() = default;
  virtual void send(wire::FrameType type, std::uint32_t channel, std::string_view head,
                    wire::Body body) = 0;
  // Whether a channel may send more now. It's woken later if not.
  virtual bool has_room() const = 0;
  virtual void wait_for_room(std::shared_ptr<Channel> channel) = 0;
  // Both sides have closed it. The port forgets it.
  virtual void on_closed(std::uint32_t channel) = 0;
};

class Channel final : public std::enable_shared_from_this<Channel> {
 public:
  static constexpr std::size_t kFirstWindow = 1 << 20;  // bytes
  static constexpr std::size_t kMaxWindow = 16 << 20;
  static constexpr std::size_t kPiece = 128 << 10;  // the largest body of a DATA

  // Takes a connected, non-blocking socket over. The port outlives it, or calls `end`.
  Channel(Loop& loop, ChannelPort& port, std::uint32_t number, int socket);

  void start() { wait_readable(); }
  // What the peer says. kProtocol: more than the window.
  Status on_data(wire::Body body);
  void on_window(std::uint64_t more);
  void on_peer_closed();
  // There is room in the link again.
  void go_on();
  // Without the peer, which is gone.
  void end();

 private:
  using Socket = boost::asio::generic::stream_protocol::socket;

  void wait_readable();
  void send_more();
  void say_closed();
  void write_more();
  void consumed(std::size_t size);
  void close_if_done();

  ChannelPort* port_;
  const std::uint32_t number_;
  Socket socket_;

  // From the socket to the peer.
  std::uint64_t window_ = kFirstWindow;
  bool waits_readable_ = false;
  bool waits_room_ = false;
  bool said_closed_ = false;

  // From the peer to the socket.
  std::deque<wire::Body> queue_;
  std::size_t first_offset_ = 0;
  std::size_t granted_ = kFirstWindow;  // bytes that the peer may still send
  std::size_t full_window_ = kFirstWindow;
  std::size_t consumed_ = 0;  // bytes, since the peer was told
  bool waits_writable_ = false;
  bool peer_closed_ = false;
};

}  // namespace leanto::net
