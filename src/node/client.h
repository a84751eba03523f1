// A client's connection: reads its frames, and is where the answers to them go.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "net/frame_sink.h"
#include "net/frame_stream.h"
#include "node/access.h"
#include "node/call.h"
#include "wire/call.h"
#include "wire/head.h"

namespace leanto::node {

class Client;

// What a node does for its clients.
class ClientRequests {
 public:
  virtual ~ClientRequests() = default;
  virtual void on_hello(Client& client, const wire::Json& head) = 0;
  virtual void on_call(const std::shared_ptr<Client>& client, std::uint32_t stream,
                       std::string_view head, wire::Body body) = 0;
  // Head and body are good until this returns.
  virtual void on_ask(const std::shared_ptr<Client>& client, std::uint32_t stream,
                      std::string_view head, wire::Body body) = 0;
  virtual void on_cancel(std::uint32_t call) = 0;
  virtual void on_credit(std::uint32_t call, std::string_view head) = 0;
  virtual void on_gone(Client& client) = 0;
  // The connection is to carry a link with another node; who takes its frames from now on.
  virtual Result<std::shared_ptr<net::FrameSink>> on_link(
      const std::shared_ptr<net::FrameStream>& stream, const wire::Json& head,
      const Access& access) = 0;
  // What a token or a ticket gives. kAccessDenied.
  virtual Result<Access> check_token(std::string_view token) = 0;
  // Calls `on_end` when the token isn't good any more, as long as what is returned is kept.
  virtual std::shared_ptr<void> watch_token(const std::string& id,
                                            std::function<void(const Error&)> on_end) = 0;
};

class Client final : public ReplyPort, public std::enable_shared_from_this<Client> {
 public:
  static constexpr Duration kTokenLimit = std::chrono::seconds(10);

  // `access` is what whoever is at the other end may do; a stranger has to say a token first.
  Client(net::Loop& loop, net::Outgoing& outgoing, ClientRequests& requests,
         net::Connection connection, wire::FrameLimits limits = {},
         Access access = Access::owner());

  // Serves the connection until it ends.
  net::Task<> serve();
  void close() { stream_->close(); }
  bool is_open() const { return stream_->is_open(); }

  void reply(wire::FrameType type, std::uint32_t stream, std::string_view head,
             wire::Body body) override;
  void started(std::uint32_t stream, std::uint32_t number) override { calls_[stream] = number; }
  void ended(std::uint32_t stream) override {
    calls_.erase(stream);
    streaming_.erase(stream);
  }

  const std::string& party() const override { return session_; }

  const Access& access() const { return access_; }
  // Says why the connection is closed, and closes it.
  void hang_up(const Error& reason);

  const std::string& session() const { return session_; }
  void set_session(std::string session) { session_ = std::move(session); }

 private:
  void on_frame(wire::Frame& frame);
  void on_link(const wire::Frame& frame);
  Status admit(const wire::Frame& frame);
  Status spend_ticket(const wire::Frame& frame);
  void watch_token();
  net::Task<> wait_for_token();
  void close_streams();

  net::Loop& loop_;
  ClientRequests& requests_;
  const wire::FrameLimits limits_;  // once it's no stranger
  std::shared_ptr<net::FrameStream> stream_;
  Access access_;
  std::shared_ptr<void> token_watch_;
  bool has_asked_ = false;          // by a ticket, which is for one question
  bool is_being_answered_ = false;  // one by a ticket for a tree, which is for one at a time
  std::string session_;
  std::unordered_map<std::uint32_t, std::uint32_t> calls_;  // stream here → number on the node
  std::unordered_set<std::uint32_t> streaming_;             // streams that items have come on
  std::size_t dropped_log_ = 0;
  std::shared_ptr<net::FrameSink> link_;  // of another node, whose connection this is
};

}  // namespace leanto::node
