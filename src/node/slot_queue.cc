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

net::Task<HeldSlots> SlotQueue::acquire(SlotAsk ask, std::string party) {
  if (ask.is_nothing()) co_return HeldSlots();
  const auto waiting = std::make_shared<Waiting>(loop_, std::move(ask));
  add(party, waiting);
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
  if (!lines_.empty()) on_waiting_();
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
  if (!lines_.empty()) on_waiting_();
}

void SlotQueue::add(const std::string& party, WaitingPtr waiting) {
  for (Line& line : lines_) {
    if (line.party == party) return line.waiting.push_back(std::move(waiting));
  }
  lines_.push_back({party, {std::move(waiting)}});
}

// Its party has had its turn.
void SlotQueue::remove(const WaitingPtr& served) {
  for (auto line = lines_.begin(); line != lines_.end(); ++line) {
    if (std::erase(line->waiting, served) == 0) continue;
    lines_.splice(lines_.end(), lines_, line);
    if (line->waiting.empty()) lines_.pop_back();
    return;
  }
}

std::vector<SlotQueue::WaitingPtr> SlotQueue::in_turn() const {
  std::vector<WaitingPtr> order;
  bool any = true;
  for (std::size_t turn = 0; any; ++turn) {
    any = false;
    for (const Line& line : lines_) {
      if (turn >= line.waiting.size()) continue;
      order.push_back(line.waiting[turn]);
      any = true;
    }
  }
  return order;
}

void SlotQueue::serve() {
  if (held_back_) return;
  const std::vector<WaitingPtr> order = in_turn();
  for (const Grant& grant : decide_grants(slots_, waiting())) {
    const WaitingPtr& served = order[grant.waiting];
    served->got = {++last_id_, grant.holding};
    slots_.take(served->got.id, grant.holding);
    served->ready.set();
    remove(served);
  }
}

std::vector<SlotAsk> SlotQueue::waiting() const {
  std::vector<SlotAsk> asks;
  for (const WaitingPtr& waiting : in_turn()) asks.push_back(waiting->ask);
  return asks;
}

}  // namespace leanto::node
