// A TLS connection joined to one end of a socket pair: whoever has the other end reads and writes
// what the peer said and hears, and knows nothing of TLS.
//
// What either side doesn't take stops the other one: nothing is held here beyond one piece each
// way.
#pragma once

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <string>
#include <string_view>

#include "net/loop.h"
#include "net/tls_session.h"

namespace leanto::net {

class TlsJoin final : public std::enable_shared_from_this<TlsJoin> {
 public:
  using Socket = boost::asio::generic::stream_protocol::socket;

  static constexpr std::size_t kPiece = 256 << 10;

  // After the handshake. `peer` is the socket of `session`, `inner` one end of a pair, or -1;
  // `held` goes when the connection has ended.
  TlsJoin(Loop& loop, Socket peer, std::unique_ptr<TlsSession> session, int inner,
          std::shared_ptr<void> held);

  void start();

  // Ends a connection: what is to be sent still is, and what the peer says is read for a while.
  static void finish(Loop& loop, Socket peer, std::unique_ptr<TlsSession> session,
                     std::shared_ptr<void> held);

 private:
  void read_peer();
  void read_inner();
  void deliver(std::string_view bytes);
  bool flush();
  void end_inner();
  void on_inner_end();
  void wait_peer_readable();
  void wait_peer_writable();
  void wait_inner_readable();
  void wait_inner_writable();
  void close_after(Duration limit);
  void close_if_done();
  void close();

  Loop& loop_;
  Socket peer_;
  std::unique_ptr<TlsSession> session_;
  Socket inner_;
  boost::asio::steady_timer linger_;
  std::shared_ptr<void> held_;

  std::string pending_;  // for `inner_`, which takes no more for now
  bool peer_ended_ = false;
  bool inner_ended_ = false;
  bool inner_shut_ = false;
  bool inner_deaf_ = false;  // it takes nothing more, and may have said something before
  bool peer_shut_ = false;
  bool waits_peer_readable_ = false;
  bool waits_peer_writable_ = false;
  bool waits_inner_readable_ = false;
  bool waits_inner_writable_ = false;
  bool reads_soon_ = false;
};

}  // namespace leanto::net
