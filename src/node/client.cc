#include "node/client.h"

#include <utility>

#include "node/file_body.h"

namespace leanto::node {

using wire::FrameType;

namespace {

// A client that doesn't read its log must not fill the node's memory: beyond this the log has a
// gap, which is marked.
constexpr std::size_t kMaxQueuedLog = 4 << 20;

// Nobody has memory set aside for him before he has said who he is.
constexpr wire::FrameLimits kOfStrangers{64 << 10, 64 << 10};

}  // namespace

Client::Client(net::Loop& loop, net::Outgoing& outgoing, ClientRequests& requests,
               net::Connection connection, wire::FrameLimits limits, Access access)
    : loop_(loop),
      requests_(requests),
      limits_(limits),
      stream_(std::make_shared<net::FrameStream>(loop, outgoing, std::move(connection),
                                                 access.is_stranger() ? kOfStrangers : limits)),
      access_(std::move(access)) {
  stream_->set_spools(spools_in_memory());
}

net::Task<> Client::serve() {
  const std::shared_ptr<Client> self = shared_from_this();
  auto on_frame = [this](wire::Frame& frame) { this->on_frame(frame); };
  net::FrameStream::OnFrame handler = on_frame;
  if (access_.is_stranger()) {
    loop_.spawn("wait for a token", wait_for_token());
  } else {
    watch_token();
  }
  const Status status = co_await stream_->receive(std::move(handler));
  if (!status) hang_up(status.error());
  stream_->close();
  token_watch_ = nullptr;
  if (link_) link_->on_gone();
  close_streams();
  requests_.on_gone(*this);
}

void Client::hang_up(const Error& reason) {
  stream_->send(FrameType::kError, 0, wire::encode_error(reason));
  stream_->flush();
  stream_->close();
}

net::Task<> Client::wait_for_token() {
  const std::shared_ptr<Client> self = shared_from_this();
  co_await loop_.sleep(kTokenLimit);
  if (access_.is_stranger() && stream_->is_open())
    hang_up({ErrorKind::kTimeout, "no token was said; the first frame is a HELLO that has one"});
  if (access_.is_ticket() && !has_asked_ && stream_->is_open())
    hang_up({ErrorKind::kTimeout, "nothing was asked by the ticket"});
}

// The first frame of a stranger has a token, or is the last one.
Status Client::admit(const wire::Frame& frame) {
  if (frame.type != FrameType::kHello && frame.type != FrameType::kLink) {
    return fail(ErrorKind::kAccessDenied,
                "over TLS a connection begins with a HELLO that has a token");
  }
  const Result<wire::Json> head = wire::decode_head(frame.head);
  if (!head) return Failure(head.error());
  const auto token = wire::find_string(*head, "token");
  if (!token) {
    return fail(ErrorKind::kAccessDenied,
                "a token is needed here; on the node's machine: leanto token create");
  }
  Result<Access> access = requests_.check_token(*token);
  if (!access) return Failure(access.error());
  access_ = *std::move(access);
  if (access_.is_ticket()) return {};  // what it asks is short
  stream_->set_limits(limits_);
  watch_token();
  return {};
}

// Nothing comes by a ticket but the HELLO that has it and one question; for a tree, whose files
// come in several pieces, one question at a time.
Status Client::spend_ticket(const wire::Frame& frame) {
  if (frame.type == FrameType::kHello) return {};
  const bool is_spent = access_.is_for_tree() ? is_being_answered_ : has_asked_;
  if (frame.type == FrameType::kAsk && !is_spent) {
    has_asked_ = is_being_answered_ = true;
    return {};
  }
  return fail(ErrorKind::kAccessDenied, "{}",
              access_.is_for_tree() ? "by a ticket for a tree one question is asked at a time"
                                    : "a ticket is for one question: to fetch its value");
}

// What goes on with a token ends with it.
void Client::watch_token() {
  if (access_.token().empty()) return;
  auto on_end = [weak = weak_from_this()](const Error& why) {
    const std::shared_ptr<Client> self = weak.lock();
    if (!self) return;
    const auto calls = self->calls_;  // a cancelled one may end at once
    for (const auto& [stream, call] : calls) self->requests_.on_cancel(call);
    self->hang_up(why);
  };
  token_watch_ = requests_.watch_token(access_.token(), std::move(on_end));
}

void Client::on_link(const wire::Frame& frame) {
  const Result<wire::Json> head = wire::decode_head(frame.head);
  if (!head) return hang_up(head.error());
  Result<std::shared_ptr<net::FrameSink>> link = requests_.on_link(stream_, *head, access_);
  if (!link) return hang_up(link.error());
  link_ = *std::move(link);
}

// Nobody reads the items any more. A reader who leaves says so, but what was said last can be lost
// when the connection breaks while something is sent to him.
void Client::close_streams() {
  for (const std::uint32_t stream : streaming_) {
    if (const auto call = calls_.find(stream); call != calls_.end())
      requests_.on_cancel(call->second);
  }
}

void Client::on_frame(wire::Frame& frame) {
  if (link_) {
    if (const Status taken = link_->on_frame(frame); !taken) hang_up(taken.error());
    return;
  }
  if (access_.is_stranger()) {
    if (const Status admitted = admit(frame); !admitted) return hang_up(admitted.error());
  }
  if (access_.is_ticket()) {
    if (const Status spent = spend_ticket(frame); !spent) return hang_up(spent.error());
  }
  switch (frame.type) {
    case FrameType::kCall:
      requests_.on_call(shared_from_this(), frame.stream, frame.head, std::move(frame.body));
      break;
    case FrameType::kAsk:
      requests_.on_ask(shared_from_this(), frame.stream, frame.head, std::move(frame.body));
      break;
    case FrameType::kCancel:
      if (const auto call = calls_.find(frame.stream); call != calls_.end())
        requests_.on_cancel(call->second);
      break;
    case FrameType::kCredit:
      if (const auto call = calls_.find(frame.stream); call != calls_.end()) {
        requests_.on_credit(call->second, frame.head);
      }
      break;
    case FrameType::kHello:
      if (const auto head = wire::decode_head(frame.head)) requests_.on_hello(*this, *head);
      break;
    case FrameType::kLink:
      on_link(frame);
      break;
    default:
      reply(FrameType::kError, frame.stream,
            wire::encode_error(
                {ErrorKind::kProtocol,
                 fmt::format("a client may not say frame type {}", static_cast<int>(frame.type))}),
            {});
  }
}

void Client::reply(FrameType type, std::uint32_t stream, std::string_view head, wire::Body body) {
  if (type == FrameType::kLog) {
    if (stream_->queued_bytes() > kMaxQueuedLog) {
      dropped_log_ += body.size();
      return;
    }
  }
  if (dropped_log_ > 0) {
    const std::string gap =
        fmt::format("[... {} bytes of log left out: they were not read fast enough]\n",
                    std::exchange(dropped_log_, 0));
    stream_->send(FrameType::kLog, stream, wire::encode_head({{"s", 2}}), wire::Body(gap));
  }
  if (type == FrameType::kYield) streaming_.insert(stream);
  is_being_answered_ = false;
  stream_->send(type, stream, head, std::move(body));
}

}  // namespace leanto::node
