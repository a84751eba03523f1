#include "node/asker.h"

#include <utility>

#include "node/file_body.h"

namespace leanto::node {

using wire::FrameType;

Asker::Asker(net::Loop& loop, net::Outgoing& outgoing, net::Connection connection, std::string name)
    : loop_(loop),
      name_(std::move(name)),
      stream_(std::make_shared<net::FrameStream>(loop, outgoing, std::move(connection))) {
  stream_->set_spools(spools_in_memory());
}

void Asker::start(std::string_view hello) {
  stream_->send(FrameType::kHello, 0, hello);
  auto run = [](std::shared_ptr<Asker> self) -> net::Task<> { co_await self->receive(); };
  loop_.spawn("ask another node", run(shared_from_this()));
}

net::Task<> Asker::receive() {
  auto take = [this](wire::Frame& frame) { on_frame(frame); };
  net::FrameStream::OnFrame handler = take;
  (void)co_await stream_->receive(std::move(handler));
  stream_->close();
  for (const auto& [stream, waiting] : std::exchange(waiting_, {})) {
    waiting->reply = lost();
    waiting->done.set();
  }
}

void Asker::on_frame(wire::Frame& frame) {
  const auto found = waiting_.find(frame.stream);
  if (found == waiting_.end()) return;
  const std::shared_ptr<Waiting> waiting = found->second;
  if (frame.type == FrameType::kLog) {
    if (waiting->on_log) waiting->on_log(frame.head, frame.body.view());
    return;
  }
  if (frame.type != FrameType::kResult && frame.type != FrameType::kError) return;
  waiting_.erase(found);
  const Result<wire::Json> head = wire::decode_head(frame.head);
  if (!head) {
    waiting->reply = Failure(head.error());
  } else if (frame.type == FrameType::kError) {
    waiting->reply = Failure(wire::error_from_head(*head));
  } else {
    waiting->reply = Reply{*head, std::move(frame.body).to_owned()};
  }
  waiting->done.set();
}

net::Task<Result<Asker::Reply>> Asker::ask(const wire::Json& question, wire::Body body,
                                           OnLog on_log) {
  auto waiting = std::make_shared<Waiting>(loop_);
  waiting->on_log = std::move(on_log);
  if (stream_->is_open()) {
    const std::uint32_t stream = ++last_stream_;
    waiting_.emplace(stream, waiting);
    stream_->send(FrameType::kAsk, stream, wire::encode_head(question), std::move(body));
  } else {
    waiting->reply = lost();
    waiting->done.set();
  }
  return wait(std::move(waiting));
}

void Asker::tell(const wire::Json& question, wire::Body body) {
  if (!stream_->is_open()) return;
  stream_->send(FrameType::kAsk, ++last_stream_, wire::encode_head(question), std::move(body));
}

net::Task<Result<Asker::Reply>> Asker::wait(std::shared_ptr<Waiting> waiting) {
  if (!waiting->done.is_set()) co_await waiting->done.wait();
  co_return std::move(waiting->reply);
}

Failure Asker::lost() const {
  return fail(ErrorKind::kNodeLost, "the connection to the node on {} was lost", name_);
}

}  // namespace leanto::node
