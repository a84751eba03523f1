// Another node that this one dials, and the link with it.
//
//   down ──up──▶ dialling ──▶ up ──the stream breaks──▶ dialling again ──▶ up, with the same link
//    ▲              └─ failed ─┐                              └─ not back within LinkTimes::give_up
//    ─┐ └─────────────────────────┴─────────────── the link has ended
//    ◀─────────────────────────────────┘
//
// What is asked for while it's down dials; what is said while it's dialling again waits in the
// link.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "node/asker.h"
#include "node/links.h"
#include "os/unique_fd.h"

namespace leanto::node {

// What carries a link for a while, and whatever holds its other end.
struct Transport {
  net::Connection connection;
  // Ends what holds the other end, after the socket was closed, and says why it has ended.
  std::function<net::Task<Error>()> why_it_ended{};
  std::string token{};  // a secret, said to the node there
};

// What goes on while a node is made ready, for people.
using OnProgress = std::function<void(std::string_view line)>;

class Peer final : public std::enable_shared_from_this<Peer> {
 public:
  using Dial = std::function<net::Task<Result<Transport>>(OnProgress on_progress)>;
  enum class State { kDown, kDialling, kUp, kDiallingAgain, kStopping };

  struct Parts {
    net::Loop& loop;
    net::Outgoing& outgoing;
    const Clock& clock;
    std::string name;     // for people: "box", "farm/10.0.0.8"
    std::string node;     // the id of the node here
    std::string version;  // of leanto here
    Dial dial;
    LinkTimes times{};
  };
  explicit Peer(Parts parts) : parts_(std::move(parts)) {}

  // Dials if it's down. kNodeLost, kAccessDenied and others, as dialling says it.
  net::Task<Result<std::shared_ptr<net::Link>>> link(OnProgress on_progress = {});
  // Joins a connected, non-blocking socket to one at the node there, as if its owner had connected
  // there. After an error the socket is still the caller's.
  net::Task<Status> relay(UniqueFd& socket);
  // A connection for what this node itself asks.
  net::Task<Result<std::shared_ptr<Asker>>> asker(OnProgress on_progress = {});
  // Ends the link, and whatever goes over it.
  void close();
  // Ends the node there, with what runs there, and the link: within the limit, whatever the node
  // does. Who asks for the link meanwhile is refused, so that nothing starts the node again that
  // has only not heard yet that it's gone.
  net::Task<Status> stop(Duration limit);

  const std::string& name() const { return parts_.name; }
  State state() const { return is_stopping_ ? State::kStopping : state_; }
  // Of the node there; empty until it was up once.
  const std::string& node_id() const { return there_.node; }
  const std::string& version() const { return there_.version; }
  // Of wire::own_features, as it was said when it was last up.
  bool can(std::string_view feature) const;
  // Other machines reach the node there over TLS, as it said itself.
  bool listens() const { return there_.listens; }
  // Why it's down; absent: it never was up, or was closed.
  const std::optional<Error>& why_down() const { return why_down_; }
  // Somebody has ended it from here, and it hasn't been used since.
  bool was_stopped() const { return was_stopped_; }
  // How often the link was carried on by a new stream.
  int reconnects() const { return reconnects_; }

 private:
  net::Task<> hold();
  net::Task<> hold_link();
  net::Task<Status> carry_once();
  net::Task<Status> carry(Transport& transport);
  void start_link();
  void on_frame(const std::shared_ptr<net::FrameStream>& stream, wire::Frame& frame, Status& said);
  Status on_greeting(const std::shared_ptr<net::FrameStream>& stream, const wire::Frame& frame);
  net::Task<> give_up_silent(std::shared_ptr<net::FrameStream> stream);
  net::Task<Status> stop_once(Duration limit);
  void say(std::string_view line) const;

  Parts parts_;
  State state_ = State::kDown;
  LinkGreeting there_;
  std::string session_;
  std::shared_ptr<net::Link> link_;
  std::shared_ptr<Asker> asker_;
  std::shared_ptr<net::Event> settled_;  // of the dialling that is under way
  std::shared_ptr<net::Event> let_go_;   // of the link: it has ended, and all that held it
  std::optional<Error> why_down_;
  OnProgress on_progress_;
  bool greeted_ = false;
  bool closing_ = false;
  bool is_stopping_ = false;  // `stop` is under way
  bool was_stopped_ = false;
  bool has_said_end_ = false;  // the node there, of the link that was the last
  int reconnects_ = 0;
};

std::string_view state_name(Peer::State state);

}  // namespace leanto::node
