// A client's connection: reads its frames, and is where the answers to them go.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "net/frame_sink.h"
#include "net/frame_stream.h"
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
      const std::shared_ptr<net::FrameStream>& stream, const wire::Json& head) = 0;
};

class Client final : public ReplyPort, public std::enable_shared_from_this<Client> {
 public:
  Client(net::Loop& loop, net::Outgoing& outgoing, ClientRequests& requests, int socket,
         wire::FrameLimits limits = {});

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

  const std::string& session() const { return session_; }
  void set_session(std::string session) { session_ = std::move(session); }

 private:
  void on_frame(wire::Frame& frame);
  void on_link(const wire::Frame& frame);
  void hang_up(const Error& reason);
  void close_streams();

  ClientRequests& requests_;
  std::shared_ptr<net::FrameStream> stream_;
  std::string session_;
  std::unordered_map<std::uint32_t, std::uint32_t> calls_;  // stream here → number on the node
  std::unordered_set<std::uint32_t> streaming_;             // streams that items have come on
  std::size_t dropped_log_ = 0;
  std::shared_ptr<net::FrameSink> link_;  // of another node, whose connection this is
};

}  // namespace leanto::node
