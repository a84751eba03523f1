#include "node/links.h"

#include <utility>

#include "wire/features.h"

namespace leanto::node {

using wire::FrameType;

namespace {

constexpr std::size_t kMaxSession = 64;
constexpr std::size_t kMaxLinks = 1000;

wire::Features of_links(std::string version) {
  return {std::move(version), wire::own_features(), {"link"}};
}

}  // namespace

std::string encode(const LinkGreeting& greeting) {
  wire::Json head = {{"session", greeting.session},
                     {"received", greeting.received},
                     {"new", greeting.is_new},
                     {"node", greeting.node}};
  if (!greeting.token.empty()) head["token"] = greeting.token;
  if (greeting.listens) head["listens"] = true;
  wire::add_features(head, of_links(greeting.version));
  return wire::encode_head(head);
}

Result<LinkGreeting> parse_link_greeting(const wire::Json& head, std::string_view version,
                                         std::string_view they) {
  wire::Features theirs = wire::read_features(head);
  const Status fits = wire::check_features(of_links(std::string(version)), theirs, they);
  if (!fits) return Failure(fits.error());
  LinkGreeting greeting;
  greeting.session = wire::find_string(head, "session").value_or("");
  if (greeting.session.empty() || greeting.session.size() > kMaxSession)
    return fail(ErrorKind::kProtocol, "a link has a session of 1 to {} characters", kMaxSession);
  const auto received = wire::find_number(head, "received");
  if (!received || *received < 0)
    return fail(ErrorKind::kProtocol, "LINK without a count of what was received");
  greeting.received = static_cast<std::uint64_t>(*received);
  greeting.is_new = wire::find_flag(head, "new", false);
  greeting.node = wire::find_string(head, "node").value_or("");
  greeting.version = wire::find_string(head, "version").value_or("");
  greeting.features = std::move(theirs.features);
  greeting.listens = wire::find_flag(head, "listens", false);
  return greeting;
}

net::Task<> keep_alive(net::Loop& loop, std::shared_ptr<net::Link> link, LinkTimes times) {
  Duration silent{};
  const std::weak_ptr<net::Link> known = link;
  link = nullptr;
  while (true) {
    co_await loop.sleep(times.keep_alive);
    const std::shared_ptr<net::Link> alive = known.lock();
    if (!alive || alive->has_ended()) co_return;
    alive->keep_alive();
    silent = alive->has_heard() ? Duration() : silent + times.keep_alive;
    if (silent >= times.silent && alive->is_attached()) alive->detach(*alive->stream());
  }
}

// Of one connection; the link goes on without it.
class AcceptedLinks::Sink final : public net::FrameSink {
 public:
  Sink(AcceptedLinks& links, std::string session, std::shared_ptr<net::Link> link,
       std::shared_ptr<net::FrameStream> stream)
      : links_(links), session_(std::move(session)), link_(std::move(link)), stream_(stream) {}

  Status on_frame(wire::Frame& frame) override {
    if (link_->stream() != stream_) return {};  // another stream carries it by now
    return link_->on_frame(frame);
  }
  void on_gone() override {
    link_->detach(*stream_);
    if (link_->has_ended()) {
      links_.links_.erase(session_);
    } else if (!link_->is_attached()) {
      links_.parts_.loop.spawn("end a link", links_.end_later(session_));
    }
  }

 private:
  AcceptedLinks& links_;
  const std::string session_;
  const std::shared_ptr<net::Link> link_;
  const std::shared_ptr<net::FrameStream> stream_;
};

Result<std::shared_ptr<net::FrameSink>> AcceptedLinks::accept(
    std::shared_ptr<net::FrameStream> stream, const wire::Json& head, const Access& access) {
  const Result<LinkGreeting> greeting =
      parse_link_greeting(head, parts_.version, "the node that dials");
  if (!greeting) return Failure(greeting.error());
  auto found = links_.find(greeting->session);
  const bool is_anothers = found != links_.end() && found->second.token != access.token();
  if (is_anothers || (found == links_.end() && !greeting->is_new)) {
    return fail(ErrorKind::kNotFound,
                "the link is not known here: the node was restarted, or it was gone for too long");
  }
  if (found == links_.end()) {
    if (links_.size() >= kMaxLinks)
      return fail(ErrorKind::kCapacity, "{} links are open here", kMaxLinks);
    auto on_open = [this, access](const wire::Json&) { return parts_.open(access); };
    const auto link =
        std::make_shared<net::Link>(parts_.loop, net::Link::Side::kAccepted, std::move(on_open));
    found = links_.emplace(greeting->session, Accepted{link, access.token()}).first;
    parts_.loop.spawn("keep a link alive", keep_alive(parts_.loop, link, parts_.times));
  }
  const std::shared_ptr<net::Link> link = found->second.link;
  LinkGreeting answer{greeting->session, link->received(), false, parts_.node, parts_.version};
  answer.listens = parts_.listens && parts_.listens();
  stream->send(FrameType::kLink, 0, encode(answer));
  if (Status attached = link->attach(stream, greeting->received); !attached)
    return Failure(attached.error());
  return std::make_shared<Sink>(*this, greeting->session, link, std::move(stream));
}

void AcceptedLinks::end_all() {
  for (const auto& [session, accepted] : links_) accepted.link->end();
}

// A little later than the other side gives up: who dials may still be on its way.
net::Task<> AcceptedLinks::end_later(std::string session) {
  const Duration limit = parts_.times.give_up + parts_.times.silent;
  const auto found = links_.find(session);
  if (found == links_.end()) co_return;
  const std::shared_ptr<net::Link> link = found->second.link;
  const std::uint64_t received = link->received();
  for (Duration gone{}; gone < limit; gone += parts_.times.keep_alive) {
    co_await parts_.loop.sleep(parts_.times.keep_alive);
    if (link->is_attached() || link->has_ended()) co_return;
  }
  if (link->received() != received) co_return;  // it was back in between, and is waited for anew
  link->end();
  links_.erase(session);
}

}  // namespace leanto::node
