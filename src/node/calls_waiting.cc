// Calls: those that wait, and those that may not.
#include <algorithm>
#include <utility>

#include "node/calls.h"

namespace leanto::node {

using wire::FrameType;
using wire::Json;

namespace {

std::string party_of(const Call& call) {
  if (!call.party.empty()) return call.party;
  const auto caller = call.caller.lock();
  return caller ? caller->party() : std::string();
}

// How many calls can run that don't run yet, with one more worker or without.
std::size_t room_of(const Target& target, int further_workers) {
  const ServiceSettings& settings = target.service->settings;
  int room = 0;
  for (const auto& worker : target.workers) {
    if (worker->state() == WorkerState::kReady)
      room += std::max(0, settings.concurrency - worker->busy());
  }
  const int coming = target.starting - target.waiting_for_slots + further_workers;
  const bool serves_one = settings.fresh && target.kind == TargetKind::kFunction;
  return static_cast<std::size_t>(room + coming * (serves_one ? 1 : settings.concurrency));
}

}  // namespace

std::optional<Error> Calls::refuse(const Target& target, const Call& call) const {
  if (target.gone) return *target.gone;
  if (call.depth <= kMaxDepth) return std::nullopt;
  return Error{
      ErrorKind::kCapacity,
      fmt::format("calls wait for each other {} deep at {}; is this a recursion without an end?",
                  kMaxDepth, target.service->name)};
}

// No worker has room for the call.
std::optional<Error> Calls::refuse_to_queue(const Target& target, Call& call,
                                            const wire::CallHead& head) const {
  call.party = party_of(call);
  if (auto full = target.queue.refuse(call.party, target.service->name)) return full;
  if (!head.max_queue) return std::nullopt;
  return refuse_to_wait(target, call.party, *head.max_queue);
}

std::optional<Error> Calls::refuse_to_wait(const Target& target, const std::string& party,
                                           std::uint32_t max_queue) const {
  const bool another = target.kind == TargetKind::kFunction &&
                       may_start(target.counts(), target.service->settings) &&
                       starter_->can_start_soon(target);
  const std::size_t before =
      target.queue.next_position(party) + static_cast<std::size_t>(target.announced);
  const std::size_t room = room_of(target, another ? 1 : 0);
  if (before < room + max_queue) return std::nullopt;
  return Error{
      ErrorKind::kCapacity,
      fmt::format("{} is busy: no worker has room now, {} of the calls that wait would be served "
                  "before this one, and max_queue={} allows {}; try again later, or allow more",
                  target.service->name, before - room, max_queue,
                  max_queue == 0 ? "no waiting" : fmt::format("{} at most", max_queue - 1))};
}

void Calls::refuse_busy(std::unique_ptr<Call> call, const Error& error) {
  Json head = wire::error_to_json(error);
  head["busy"] = true;
  finish(std::move(call), FrameType::kError, wire::encode_head(head), {});
}

std::optional<Calls::Waiting> Calls::find_waiting(std::uint32_t number) {
  const auto found = calls_.find(number);
  if (found == calls_.end() || found->second.call) return std::nullopt;
  const TargetPtr& target = found->second.target;
  const std::optional<std::size_t> position = target->queue.position(number);
  if (!position) return std::nullopt;
  return Waiting{*position, target};
}

std::unique_ptr<Call> Calls::take_queued(std::uint32_t number) {
  const auto found = calls_.find(number);
  if (found == calls_.end() || found->second.call) return nullptr;
  std::unique_ptr<Call> taken = found->second.target->queue.take(number);
  if (taken) calls_.erase(found);
  return taken;
}

void Calls::fail_all_waiting(const TargetPtr& target, const Error& error) {
  for (std::unique_ptr<Call>& call : target->queue.take_all()) {
    calls_.erase(call->number);
    fail_call(std::move(call), error);
  }
}

}  // namespace leanto::node
