// This node as a client of another: questions, side by side over one connection, and their answers.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>

#include "net/event.h"
#include "net/frame_stream.h"
#include "wire/head.h"

namespace leanto::node {

class Asker final : public std::enable_shared_from_this<Asker> {
 public:
  struct Reply {
    wire::Json head;
    wire::Body body;  // its own
  };
  using OnLog = std::function<void(std::string_view head, std::string_view text)>;

  // `name` is that of the other node, for messages.
  Asker(net::Loop& loop, net::Outgoing& outgoing, net::Connection connection, std::string name);

  void start(std::string_view hello);
  bool is_open() const { return stream_->is_open(); }
  void close() { stream_->close(); }
  const std::shared_ptr<net::FrameStream>& stream() const { return stream_; }

  // Sent when this is called, so questions arrive in the order in which they are asked; the task
  // waits for the answer. The other node's own error; kNodeLost if the connection ends first.
  net::Task<Result<Reply>> ask(const wire::Json& question, wire::Body body = {}, OnLog on_log = {});
  // The same for what is asked before another question that would fail, too: the answer isn't
  // heard.
  void tell(const wire::Json& question, wire::Body body);

 private:
  struct Waiting {
    explicit Waiting(net::Loop& loop) : done(loop) {}
    net::Event done;
    OnLog on_log;
    Result<Reply> reply;
  };
  net::Task<> receive();
  void on_frame(wire::Frame& frame);
  net::Task<Result<Reply>> wait(std::shared_ptr<Waiting> waiting);
  Failure lost() const;

  net::Loop& loop_;
  const std::string name_;
  std::shared_ptr<net::FrameStream> stream_;
  std::unordered_map<std::uint32_t, std::shared_ptr<Waiting>> waiting_;
  std::uint32_t last_stream_ = 0;
};

}  // namespace leanto::node
