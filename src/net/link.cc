#include "net/link.h"

#include <utility>

namespace leanto::net {

using wire::FrameType;

namespace {

constexpr std::size_t kConfirmAfter = 1 << 20;  // bytes received

Failure unknown_channel(std::uint32_t channel) {
  return fail(ErrorKind::kProtocol, "the peer speaks of channel {}, which it can't have opened",
              channel);
}

}  // namespace

Link::Link(Loop& loop, Side side, OnOpen on_open, Limits limits)
    : loop_(loop),
      on_open_(std::move(on_open)),
      limits_(limits),
      next_channel_(side == Side::kDialled ? 1 : 2) {}

Link::~Link() { end(); }

Status Link::attach(std::shared_ptr<FrameStream> stream, std::uint64_t heard) {
  if (ended_) return fail(ErrorKind::kProtocol, "the link has ended");
  if (Status known = confirm(heard); !known) return known;
  if (stream_ && stream_ != stream) stream_->close();
  stream_ = std::move(stream);
  auto on_drained = [link = weak_from_this()] {
    if (const auto self = link.lock()) self->wake_waiting();
  };
  stream_->set_on_drained(std::move(on_drained));
  has_heard_ = true;
  for (const Sent& sent : unconfirmed_)
    stream_->send(sent.type, sent.channel, sent.head, sent.body);
  wake_waiting();
  return {};
}

void Link::detach(const FrameStream& stream) {
  if (stream_.get() != &stream) return;
  stream_->set_on_drained({});
  stream_->close();
  stream_ = nullptr;
}

Status Link::confirm(std::uint64_t heard) {
  if (heard < confirmed_ || heard > confirmed_ + unconfirmed_.size()) {
    return fail(ErrorKind::kProtocol, "the peer has {} frames of this link, which sent {} to {}",
                heard, confirmed_, confirmed_ + unconfirmed_.size());
  }
  for (; confirmed_ < heard; ++confirmed_) {
    unconfirmed_bytes_ -= unconfirmed_.front().size();
    unconfirmed_.pop_front();
  }
  return {};
}

void Link::send(FrameType type, std::uint32_t channel, std::string_view head, wire::Body body) {
  if (ended_) return;
  unconfirmed_.push_back({type, channel, std::string(head), std::move(body).to_owned()});
  const Sent& sent = unconfirmed_.back();
  unconfirmed_bytes_ += sent.size();
  if (!stream_) return;
  has_sent_ = true;
  stream_->send(sent.type, sent.channel, sent.head, sent.body);
}

bool Link::has_room() const {
  return unconfirmed_bytes_ < limits_.unconfirmed &&
         (!stream_ || stream_->queued_bytes() < limits_.queued);
}

void Link::wait_for_room(std::shared_ptr<Channel> channel) {
  waiting_.push_back(std::move(channel));
}

void Link::wake_waiting() {
  for (std::size_t left = waiting_.size(); left > 0 && has_room(); --left) {
    const std::shared_ptr<Channel> channel = std::move(waiting_.front());
    waiting_.pop_front();
    channel->go_on();
  }
}

Status Link::on_frame(wire::Frame& frame) {
  has_heard_ = true;
  if (frame.type == FrameType::kReceived) {
    const Result<wire::Json> head = wire::decode_head(frame.head);
    const auto heard = head ? wire::find_number(*head, "n") : std::nullopt;
    if (!heard || *heard < 0) return fail(ErrorKind::kProtocol, "RECEIVED without a count");
    if (Status known = confirm(static_cast<std::uint64_t>(*heard)); !known) return known;
    wake_waiting();
    return {};
  }
  if (frame.type == FrameType::kClose && frame.stream == 0) {
    end();
    return {};
  }
  ++received_;
  received_since_ += wire::kHeaderSize + frame.head.size() + frame.body.size();
  const Status taken = on_channel_frame(frame);
  if (received_since_ >= kConfirmAfter) say_received();
  return taken;
}

Status Link::on_channel_frame(wire::Frame& frame) {
  if (frame.type == FrameType::kOpen) return on_open(frame.stream, frame.head);
  const auto found = channels_.find(frame.stream);
  // Those of a channel that was closed here may still be under way.
  const std::shared_ptr<Channel> channel = found == channels_.end() ? nullptr : found->second;
  switch (frame.type) {
    case FrameType::kData:
      return channel ? channel->on_data(std::move(frame.body)) : Status();
    case FrameType::kWindow: {
      const Result<wire::Json> head = wire::decode_head(frame.head);
      const auto more = head ? wire::find_number(*head, "n") : std::nullopt;
      if (!more || *more < 0) return fail(ErrorKind::kProtocol, "WINDOW without a number");
      if (channel) channel->on_window(static_cast<std::uint64_t>(*more));
      return {};
    }
    case FrameType::kClose:
      if (channel) channel->on_peer_closed();
      return {};
    default:
      return fail(ErrorKind::kProtocol, "frame type {} on a link", static_cast<int>(frame.type));
  }
}

Status Link::on_open(std::uint32_t channel, std::string_view head) {
  const bool is_theirs = channel != 0 && channel % 2 != next_channel_ % 2;
  if (!is_theirs || channels_.contains(channel)) return unknown_channel(channel);
  const Result<wire::Json> words = wire::decode_head(head);
  if (!words) return Failure(words.error());
  if (channels_.size() < limits_.channels) {
    if (const Result<int> socket = on_open_(*words)) {
      join(channel, *socket);
      return {};
    }
  }
  send(FrameType::kClose, channel, {}, {});
  return {};
}

void Link::join(std::uint32_t channel, int socket) {
  const auto made = std::make_shared<Channel>(loop_, *this, channel, socket);
  channels_.emplace(channel, made);
  made->start();
}

Status Link::open(int socket) {
  if (ended_) return fail(ErrorKind::kProtocol, "the link has ended");
  if (channels_.size() >= limits_.channels) {
    return fail(ErrorKind::kCapacity, "{} connections are open over one link; close some",
                channels_.size());
  }
  const std::uint32_t channel = std::exchange(next_channel_, next_channel_ + 2);
  send(FrameType::kOpen, channel, wire::encode_head(wire::Json::object()), {});
  join(channel, socket);
  return {};
}

void Link::say_received() {
  received_since_ = 0;
  if (!stream_) return;
  has_sent_ = true;
  stream_->send(FrameType::kReceived, 0, wire::encode_head({{"n", received_}}));
}

void Link::keep_alive() {
  if (!std::exchange(has_sent_, false) || received_since_ > 0) say_received();
}

bool Link::has_heard() { return std::exchange(has_heard_, false); }

void Link::end() {
  if (std::exchange(ended_, true)) return;
  if (stream_) {
    stream_->set_on_drained({});
    stream_->send(FrameType::kClose, 0, {});
    stream_->flush();
    stream_->close();
  }
  stream_ = nullptr;
  waiting_.clear();
  unconfirmed_.clear();
  unconfirmed_bytes_ = 0;
  for (const auto& [number, channel] : std::exchange(channels_, {})) channel->end();
}

}  // namespace leanto::net
