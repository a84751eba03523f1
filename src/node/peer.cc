#include "node/peer.h"

#include <algorithm>
#include <utility>

#include "node/ids.h"
#include "os/unix_socket.h"

namespace leanto::node {

using namespace std::chrono_literals;
using wire::FrameType;

namespace {

constexpr Duration kGreetingLimit = 20s;
constexpr Duration kFirstPause = 200ms;
constexpr Duration kLongestPause = 5s;

// Dialling again would say the same, or finds another node.
bool is_hopeless(ErrorKind kind) {
  return kind == ErrorKind::kNotFound || kind == ErrorKind::kProtocol ||
         kind == ErrorKind::kAccessDenied || kind == ErrorKind::kInvalid;
}

}  // namespace

std::string_view state_name(Peer::State state) {
  switch (state) {
    case Peer::State::kDown:
      return "down";
    case Peer::State::kDialling:
      return "connecting";
    case Peer::State::kUp:
      return "up";
    case Peer::State::kDiallingAgain:
      return "reconnecting";
    case Peer::State::kStopping:
      return "stopping";
  }
  return "";
}

net::Task<Result<std::shared_ptr<net::Link>>> Peer::link(OnProgress on_progress) {
  if (is_stopping_)
    co_return fail(ErrorKind::kNodeLost, "the node on {} is being stopped", parts_.name);
  while (state_ != State::kDown && (closing_ || (link_ && link_->has_ended()))) {
    const std::shared_ptr<net::Event> let_go = let_go_;
    co_await let_go->wait();
  }
  if (state_ == State::kUp || state_ == State::kDiallingAgain) co_return link_;
  if (state_ == State::kDown) {
    state_ = State::kDialling;
    was_stopped_ = false;
    settled_ = std::make_shared<net::Event>(parts_.loop);
    let_go_ = std::make_shared<net::Event>(parts_.loop);
    on_progress_ = std::move(on_progress);
    auto run = [](std::shared_ptr<Peer> self) -> net::Task<> { co_await self->hold(); };
    parts_.loop.spawn("hold a link", run(shared_from_this()));
  }
  const std::shared_ptr<net::Event> settled = settled_;
  co_await settled->wait();
  if (link_ && !link_->has_ended()) co_return link_;
  if (why_down_) co_return Failure(*why_down_);
  co_return fail(ErrorKind::kNodeLost, "the connection to {} was closed", parts_.name);
}

net::Task<Status> Peer::relay(UniqueFd& socket) {
  const Result<std::shared_ptr<net::Link>> found = co_await link();
  if (!found) co_return Failure(found.error());
  const Status opened = (*found)->open(socket.get());
  if (opened) (void)socket.release();
  co_return opened;
}

net::Task<Result<std::shared_ptr<Asker>>> Peer::asker(OnProgress on_progress) {
  const Result<std::shared_ptr<net::Link>> found = co_await link(std::move(on_progress));
  if (!found) co_return Failure(found.error());
  if (asker_ && asker_->is_open()) co_return asker_;
  Result<std::pair<UniqueFd, UniqueFd>> ends = socket_pair();
  if (!ends) co_return Failure(ends.error());
  if (const Status opened = (*found)->open(ends->second.get()); !opened)
    co_return Failure(opened.error());
  (void)ends->second.release();
  asker_ =
      std::make_shared<Asker>(parts_.loop, parts_.outgoing, ends->first.release(), parts_.name);
  asker_->start(wire::encode_head(
      {{"version", parts_.version}, {"features", {"call", "stream"}}, {"session", session_}}));
  co_return asker_;
}

bool Peer::can(std::string_view feature) const {
  return std::find(there_.features.begin(), there_.features.end(), feature) !=
         there_.features.end();
}

void Peer::close() {
  if (state_ == State::kDown) return;
  closing_ = true;
  if (link_) link_->end();
}

net::Task<Status> Peer::stop(Duration limit) {
  Status stopped = co_await stop_once(limit);
  // Its last words were lost, and who dialled again has started another.
  if (why_down_ && why_down_->kind == ErrorKind::kNotFound) stopped = co_await stop_once(limit);
  if (stopped) why_down_ = std::nullopt;
  was_stopped_ = stopped.has_value();
  co_return stopped;
}

net::Task<Status> Peer::stop_once(Duration limit) {
  const Result<std::shared_ptr<Asker>> there = co_await asker();
  if (!there) co_return Failure(there.error());
  is_stopping_ = true;
  const wire::Json question = {{"op", "stop"}};
  const Result<Asker::Reply> reply = co_await (*there)->ask(question);
  const bool is_refused = !reply && reply.error().kind != ErrorKind::kNodeLost;
  if (!is_refused && state_ != State::kDown) {
    closing_ = reply.has_value();  // else it may end before its answer has left, and says so
    const std::shared_ptr<net::Event> let_go = let_go_;
    (void)co_await let_go->wait(limit);
  }
  is_stopping_ = false;
  if (is_refused) co_return Failure(reply.error());
  close();
  if (reply || has_said_end_) co_return Status();
  co_return fail(ErrorKind::kNodeLost,
                 "{} was asked to stop, and whether it has is not known: {}; `leanto down` again "
                 "makes sure",
                 parts_.name, why_down_ ? why_down_->message : reply.error().message);
}

void Peer::say(std::string_view line) const {
  if (on_progress_) on_progress_(line);
}

net::Task<> Peer::hold() {
  closing_ = false;
  start_link();
  co_await hold_link();
  const std::shared_ptr<net::Event> settled = settled_;
  const std::shared_ptr<net::Event> let_go = let_go_;
  if (asker_) std::exchange(asker_, nullptr)->close();
  if (link_) std::exchange(link_, nullptr)->end();
  state_ = State::kDown;
  closing_ = false;
  settled->set();
  let_go->set();
}

void Peer::start_link() {
  session_ = make_object_id() + make_object_id();
  auto nobody = [](const wire::Json&) -> Result<int> {
    return fail(ErrorKind::kAccessDenied, "a node opens nothing at the node that has dialled it");
  };
  link_ = std::make_shared<net::Link>(parts_.loop, net::Link::Side::kDialled, nobody);
  parts_.loop.spawn("keep a link alive", keep_alive(parts_.loop, link_, parts_.times));
}

// Returns when the link has ended, or is given up; why_down_ says why.
net::Task<> Peer::hold_link() {
  why_down_ = std::nullopt;
  has_said_end_ = false;
  Duration pause = kFirstPause;
  std::optional<MonotonicTime> broken_since;
  while (true) {
    const Status carried = co_await carry_once();
    on_progress_ = {};
    has_said_end_ = link_->has_ended();
    if (closing_) co_return;
    if (has_said_end_) {
      why_down_ =
          Error{ErrorKind::kNodeLost,
                fmt::format("the node on {} was stopped, with what ran there", parts_.name)};
      co_return;
    }
    const bool was_up = state_ == State::kUp;
    if (was_up) {
      broken_since = parts_.clock.monotonic();
      pause = kFirstPause;
      state_ = State::kDiallingAgain;
      ++reconnects_;
    }
    const bool is_final = !carried && is_hopeless(carried.error().kind);
    if (state_ == State::kDialling || is_final) {  // it has never been up, or is another node now
      why_down_ = carried ? Error{ErrorKind::kNodeLost, fmt::format("{} hung up", parts_.name)}
                          : carried.error();
      co_return;
    }
    const Duration gone = parts_.clock.monotonic() - *broken_since;
    if (gone >= parts_.times.give_up) {
      why_down_ = Error{
          ErrorKind::kNodeLost,
          fmt::format("{} has not been reached for {} s{}", parts_.name,
                      std::chrono::duration_cast<std::chrono::seconds>(gone).count(),
                      carried ? std::string() : fmt::format(": {}", carried.error().message))};
      co_return;
    }
    if (!was_up) {
      co_await parts_.loop.sleep(pause);
      pause = std::min(pause * 2, kLongestPause);
    }
  }
}

// One stream, from dialling to its end.
net::Task<Status> Peer::carry_once() {
  OnProgress on_progress = [self = shared_from_this()](std::string_view line) { self->say(line); };
  Result<Transport> transport = co_await parts_.dial(std::move(on_progress));
  if (!transport) co_return Failure(transport.error());
  if (closing_) co_return Status();
  const Status carried = co_await carry(*transport);
  if (!carried || !transport->why_it_ended) co_return carried;
  co_return Failure(co_await transport->why_it_ended());
}

net::Task<Status> Peer::carry(Transport& transport) {
  const auto stream = std::make_shared<net::FrameStream>(parts_.loop, parts_.outgoing,
                                                         std::move(transport.connection));
  greeted_ = false;
  stream->send(FrameType::kLink, 0,
               encode({session_, link_->received(), there_.session != session_, parts_.node,
                       parts_.version, transport.token}));
  auto watch = [](std::shared_ptr<Peer> self,
                  std::shared_ptr<net::FrameStream> watched) -> net::Task<> {
    co_await self->give_up_silent(std::move(watched));
  };
  parts_.loop.spawn("wait for a greeting", watch(shared_from_this(), stream));
  Status said;
  auto take = [this, &stream, &said](wire::Frame& frame) { on_frame(stream, frame, said); };
  net::FrameStream::OnFrame handler = take;
  const Status received = co_await stream->receive(std::move(handler));
  if (link_) link_->detach(*stream);
  stream->close();
  if (!said) co_return said;
  if (!received) co_return received;
  co_return Status();
}

net::Task<> Peer::give_up_silent(std::shared_ptr<net::FrameStream> stream) {
  co_await parts_.loop.sleep(kGreetingLimit);
  if (!greeted_ && stream->is_open() && state_ != State::kUp) stream->close();
}

void Peer::on_frame(const std::shared_ptr<net::FrameStream>& stream, wire::Frame& frame,
                    Status& said) {
  if (frame.type == FrameType::kError) {
    const Result<wire::Json> head = wire::decode_head(frame.head);
    said = head ? Status(Failure(wire::error_from_head(*head))) : Status(Failure(head.error()));
  } else if (!greeted_) {
    said = on_greeting(stream, frame);
  } else {
    said = link_->on_frame(frame);
  }
  if (!said) stream->close();
}

Status Peer::on_greeting(const std::shared_ptr<net::FrameStream>& stream,
                         const wire::Frame& frame) {
  if (frame.type != FrameType::kLink) {
    return fail(ErrorKind::kProtocol, "{} answered with frame type {} instead of a greeting",
                parts_.name, static_cast<int>(frame.type));
  }
  const Result<wire::Json> head = wire::decode_head(frame.head);
  if (!head) return Failure(head.error());
  Result<LinkGreeting> greeting =
      parse_link_greeting(*head, parts_.version, "the node on " + parts_.name);
  if (!greeting) return Failure(greeting.error());
  if (Status attached = link_->attach(stream, greeting->received); !attached) return attached;
  there_ = *std::move(greeting);
  there_.session = session_;
  greeted_ = true;
  state_ = State::kUp;
  settled_->set();
  return {};
}

}  // namespace leanto::node
