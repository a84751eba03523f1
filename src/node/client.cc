#include "node/client.h"

#include <utility>

namespace leanto::node {

using wire::FrameType;

namespace {

// A client that doesn't read its log must not fill the node's memory: beyond this the log has a
// gap, which is marked.
constexpr std::size_t kMaxQueuedLog = 4 << 20;

}  // namespace

Client::Client(net::Loop& loop, net::Outgoing& outgoing, ClientRequests& requests, int socket,
               wire::FrameLimits limits)
    : requests_(requests),
      stream_(std::make_shared<net::FrameStream>(loop, outgoing, socket, limits)) {}

net::Task<> Client::serve() {
  const std::shared_ptr<Client> self = shared_from_this();
  auto on_frame = [this](wire::Frame& frame) { this->on_frame(frame); };
  net::FrameStream::OnFrame handler = on_frame;
  const Status status = co_await stream_->receive(std::move(handler));
  if (!status) hang_up(status.error());
  stream_->close();
  if (link_) link_->on_gone();
  close_streams();
  requests_.on_gone(*this);
}

void Client::hang_up(const Error& reason) {
  stream_->send(FrameType::kError, 0, wire::encode_error(reason));
  stream_->flush();
  stream_->close();
}

void Client::on_link(const wire::Frame& frame) {
  const Result<wire::Json> head = wire::decode_head(frame.head);
  if (!head) return hang_up(head.error());
  Result<std::shared_ptr<net::FrameSink>> link = requests_.on_link(stream_, *head);
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
  stream_->send(type, stream, head, std::move(body));
}

}  // namespace leanto::node
