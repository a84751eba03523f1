#include "node/slot_queue.h"

#include <utility>

namespace leanto::node {

Status SlotQueue::check(const std::string& service, const SlotAsk& ask) const {
  if (slots_.can_ever(ask)) return {};
  return fail(
      ErrorKind::kCapacity,
      "{} asks for {} in each worker, and this node has {} in all; ask for less, or send it "
      "to a larger cluster (GPUs that aren't found can be declared in node.toml: "
      "accelerators = {{A10G = 1}})",
      service, describe(ask), describe(slots_.all()));
}

net::Task<HeldSlots> SlotQueue::acquire(SlotAsk ask) {
  if (ask.is_nothing()) co_return HeldSlots();
  const auto waiting = std::make_shared<Waiting>(loop_, std::move(ask));
  waiting_.push_back(waiting);
  serve();
  if (!waiting->ready.is_set()) {
    on_waiting_();
    co_await waiting->ready.wait();
  }
  co_return waiting->got;
}

void SlotQueue::release(HoldingId id) {
  if (id == 0) return;
  slots_.give_back(id);
  serve();
  if (!waiting_.empty()) on_waiting_();
}

HeldSlots SlotQueue::take_back(const SlotAsk& ask, std::string_view devices) {
  if (ask.is_nothing()) return {};
  HeldSlots held{++last_id_, holding_of(slots_.all(), ask, devices)};
  slots_.take(held.id, held.holding);
  return held;
}

void SlotQueue::hold_back(bool held) {
  held_back_ = held;
  serve();
  if (!waiting_.empty()) on_waiting_();
}

void SlotQueue::serve() {
  if (held_back_) return;
  const std::vector<Grant> grants = decide_grants(slots_, waiting());
  std::size_t place = 0;
  auto grant = grants.begin();
  for (auto next = waiting_.begin(); next != waiting_.end() && grant != grants.end(); ++place) {
    if (grant->waiting != place) {
      ++next;
      continue;
    }
    Waiting& served = **next;
    served.got = {++last_id_, grant->holding};
    slots_.take(served.got.id, grant->holding);
    served.ready.set();
    next = waiting_.erase(next);
    ++grant;
  }
}

std::vector<SlotAsk> SlotQueue::waiting() const {
  std::vector<SlotAsk> asks;
  for (const auto& waiting : waiting_) asks.push_back(waiting->ask);
  return asks;
}

}  // namespace leanto::node
