#include "node/http_call.h"

#include <chrono>
#include <utility>

namespace leanto::node {

using namespace std::chrono_literals;
using net::HttpResponse;
using wire::FrameType;
using wire::Json;

namespace {

constexpr std::size_t kMaxCollected = 64 << 20;
constexpr std::size_t kMaxQueuedLog = 4 << 20;
constexpr int kGrantedAtOnce = 4;  // of the eight items that a worker sends ahead
// A stream says something in this time, so that proxies keep it and a lost peer is noticed.
constexpr Duration kKeepAlive = 15s;
constexpr std::uint32_t kStream = 1;

HttpResponse value_response(std::string_view json) {
  HttpResponse response;
  response.body = std::string(json) + "\n";
  return response;
}

HttpResponse events_response(std::shared_ptr<net::HttpStream> stream) {
  HttpResponse response;
  response.fields = {{"Content-Type", "text/event-stream"}};
  response.stream = std::move(stream);
  return response;
}

}  // namespace

net::Task<HttpResponse> HttpCall::run(TargetPtr target, wire::CallHead head, std::string body,
                                      std::shared_ptr<net::HttpPeer> peer) {
  const std::shared_ptr<HttpCall> self = shared_from_this();
  peer->when_gone([weak = weak_from_this()] {
    if (const auto call = weak.lock()) call->leave();
  });
  auto call = std::make_unique<Call>();
  call->caller = self;
  call->stream = kStream;
  Json said = {
      {"data", "json"}};  // the same for all calls of a member: the worker keeps what it means
  if (!head.member.empty()) said["m"] = head.member;
  if (head.how == wire::How::kDescribe) said["how"] = "describe";
  call->head = wire::encode_head(said);
  call->body = wire::Body(body);
  head.stream_logs = form_ == Form::kEvents;
  calls_.submit(target, std::move(call), head);
  under_way_ = form_ == Form::kEvents && !outcome_;
  if (under_way_) co_return events_response(self);
  while (!outcome_) {
    const auto changed = changed_ = std::make_shared<net::Event>(loop_);
    co_await changed->wait();
  }
  co_return *std::move(outcome_);
}

void HttpCall::reply(FrameType type, std::uint32_t, std::string_view head, wire::Body body) {
  if (ended_early_) return;
  const Json said = wire::decode_head(head).value_or(Json::object());
  switch (type) {
    case FrameType::kYield:
      on_item(body.view());
      break;
    case FrameType::kResult:
      on_result(said, body.view());
      break;
    case FrameType::kError:
      on_error(said);
      break;
    case FrameType::kLog:
      on_log(said, body.view());
      break;
    default:
      break;
  }
  wake();
}

void HttpCall::end(const Error& why) {
  if (outcome_) return;
  on_error(wire::error_to_json(why));
  ended_early_ = true;
  calls_.cancel(number_);
  wake();
}

void HttpCall::on_item(std::string_view json) {
  streams_ = true;
  if (gone_ || too_large_) return calls_.cancel(number_);
  if (form_ == Form::kEvents) return add_event("item", json);
  if (items_.size() + json.size() > kMaxCollected) {
    too_large_ = true;
    items_.clear();
    return calls_.cancel(number_);
  }
  items_ += items_.empty() ? '[' : ',';
  items_ += json;
  ++taken_;
  grant();
}

void HttpCall::on_result(const Json& head, std::string_view json) {
  const bool stream = wire::find_flag(head, "stream", false);
  std::string self;
  if (wire::find_flag(head, "self", false)) json = self = http_json({{"object", object_}});
  if (form_ == Form::kEvents) {
    add_event(stream ? "end" : "result", stream ? "null" : json);
    outcome_ = HttpResponse{};
  } else if (too_large_) {
    outcome_ = problem_response(HttpProblem::of(
        {ErrorKind::kNotAcceptable,
         fmt::format("the items are more than {} MiB as one array; take them one by one: Accept: "
                     "text/event-stream",
                     kMaxCollected >> 20)}));
  } else if (stream) {
    outcome_ = value_response(items_.empty() ? "[]" : items_ + "]");
  } else {
    outcome_ = value_response(json);
  }
}

void HttpCall::on_error(const Json& head) {
  if (too_large_) return on_result({{"stream", true}}, {});
  if (under_way_) add_event("error", http_json(error_shape(head)));
  outcome_ = error_response(head);
}

void HttpCall::on_log(const Json& head, std::string_view text) {
  if (gone_) return;
  if (waiting_bytes_ > kMaxQueuedLog) {
    dropped_log_ += text.size();
    return;
  }
  const char* const stream = wire::find_number(head, "s") == 2 ? "stderr" : "stdout";
  add_event("log", http_json({{"stream", stream}, {"text", wire::valid_utf8(text)}}));
}

void HttpCall::add_event(std::string_view name, std::string_view json) {
  if (gone_) return;
  if (const std::size_t dropped = std::exchange(dropped_log_, 0); dropped > 0) {
    add_event("log", http_json({{"stream", "stderr"}, {"left_out", dropped}}));
  }
  events_.push_back(fmt::format("id: {}\nevent: {}\ndata: {}\n\n", ++last_id_, name, json));
  waiting_bytes_ += events_.back().size();
  if (name == "item") ++queued_items_;
}

void HttpCall::grant() {
  if (taken_ < kGrantedAtOnce || outcome_) return;
  calls_.credit(number_, wire::encode_head({{"n", std::exchange(taken_, 0)}}));
}

net::Task<std::string> HttpCall::next() {
  const std::shared_ptr<HttpCall> self = shared_from_this();
  grant();  // what was given out before has been sent
  if (events_.empty() && !outcome_ && !gone_) {
    const auto changed = changed_ = std::make_shared<net::Event>(loop_);
    if (co_await changed->wait(kKeepAlive) == net::Waited::kTimedOut) co_return ": it runs\n\n";
  }
  if (events_.empty()) co_return std::string();
  std::string all;
  while (!events_.empty()) {
    all += events_.front();
    events_.pop_front();
  }
  waiting_bytes_ = 0;
  taken_ += std::exchange(queued_items_, 0);
  co_return all;
}

// Nobody waits any more. What runs goes on; nobody would take what a stream still has.
void HttpCall::leave() {
  gone_ = true;
  events_.clear();
  if (streams_ && !outcome_) calls_.cancel(number_);
  wake();
}

void HttpCall::wake() {
  if (const auto changed = std::exchange(changed_, nullptr)) changed->set();
}

}  // namespace leanto::node
