// A command's connection to the node of this user on this machine: one question at a time, and it
// waits for the answer. It never starts a node.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "os/unique_fd.h"
#include "wire/frame.h"
#include "wire/head.h"

namespace leanto::cli {

struct Reply {
  wire::Json head;
  std::string body;
};

// What came of a call: LOG, YIELD, and at last RESULT or ERROR.
struct CallFrame {
  wire::FrameType type = wire::FrameType::kResult;
  wire::Json head;
  std::string body;
};

// After an error of `ask` other than the node's own the connection is of no more use: close it.
class Connection {
 public:
  static constexpr Duration kLimit = std::chrono::seconds(30);
  // How long a node that has gone away may take to be back.
  static constexpr Duration kBack = std::chrono::seconds(5);

  // Greets the node, without waiting for it. kNotFound: no node runs there.
  static Result<Connection> open(const std::filesystem::path& socket, Duration limit = kLimit);
  // The same, of another machine's node that this one is connected with; "": the node here.
  static Result<Connection> open_on(const std::filesystem::path& socket, const std::string& node,
                                    Duration limit);
  // The same over a socket that is connected already; `name` is for messages.
  static Result<Connection> over(UniqueFd socket, std::string name, Duration limit = kLimit);

  // `question` has the "op" and its arguments. The node's own error, or kTimeout when it says
  // nothing for the limit, or kProtocol when what it says makes no sense or it hangs up.
  Result<Reply> ask(const wire::Json& question, std::string_view body = {});

  // The same for what can be asked twice as well as once: when the node goes away before it has
  // answered, it's asked again, on a new connection, as soon as one is there.
  Result<Reply> ask_again(const wire::Json& question, std::string_view body = {});
  // The node has hung up. `ask_again` has waited for another in vain.
  bool is_lost() const { return is_lost_; }

  // From now on `ask` calls this a few times a second while it waits, and for as long as the node
  // takes, up to the limit.
  void set_on_wait(std::function<void()> on_wait) { on_wait_ = std::move(on_wait); }

  // From now on `ask` hands on what the node says on the way to an answer.
  void set_on_log(std::function<void(std::string_view text)> on_log) {
    on_log_ = std::move(on_log);
  }

  // From now on `ask` gives up with kCancelled when SIGINT or SIGTERM comes, for which the caller
  // has a handler and which it has blocked, so that none is missed. Other questions may follow.
  void set_gives_up_on_signal() { gives_up_on_signal_ = true; }

  // Makes a call, which may take as long as it likes from here on. Returns its stream.
  Result<std::uint32_t> call(const wire::Json& head, std::string_view body);
  // The next frame of the call; nothing if a signal came while it was waited for.
  Result<std::optional<CallFrame>> next(std::uint32_t stream);
  Status credit(std::uint32_t stream, int items);
  Status cancel(std::uint32_t stream);

  // What the node said about itself in its greeting; empty until it has answered once.
  const wire::Json& hello() const { return hello_; }
  int socket() const { return socket_.get(); }

 private:
  Connection(UniqueFd socket, std::string name, Duration limit);

  Status send(wire::FrameType type, std::uint32_t stream, const wire::Json& head,
              std::string_view body = {});
  Status receive_more();
  Result<wire::Frame> receive();
  void wait_patiently();
  Status wait_for_signal_too();
  Failure hung_up(int error_number);
  bool reconnect();

  UniqueFd socket_;
  std::string name_;
  Duration limit_;
  wire::FrameDecoder decoder_;
  wire::Json hello_ = wire::Json::object();
  std::uint32_t last_stream_ = 0;
  bool is_lost_ = false;
  bool gives_up_on_signal_ = false;
  std::function<void()> on_wait_;
  std::function<void(std::string_view text)> on_log_;
};

}  // namespace leanto::cli
