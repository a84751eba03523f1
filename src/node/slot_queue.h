// The slots of this node and the workers-to-be that wait for them. What is decided is in `Slots`;
// this keeps who holds what and wakes who gets something.
//
// Those that wait are served in turn by *party*, who asks (see `CallQueue`), so that a program with
// many services doesn't keep the only one of another waiting; those of one party in their order.
#pragma once

#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "net/event.h"
#include "node/slots.h"

namespace leanto::node {

struct HeldSlots {
  HoldingId id = 0;  // 0: nothing was asked for
  Holding holding;
};

class SlotQueue {
 public:
  SlotQueue(net::Loop& loop, NodeSlots all) : loop_(loop), slots_(std::move(all)) {}

  // Called when somebody has begun to wait, and when a holder has gone but some still wait: time to
  // send idle workers away.
  void set_on_waiting(std::function<void()> on_waiting) { on_waiting_ = std::move(on_waiting); }

  // kCapacity, with what was asked for and what there is, if the node will never have it.
  Status check(const std::string& service, const SlotAsk& ask) const;

  // Waits until there is room. Whoever has got something gives it back.
  net::Task<HeldSlots> acquire(SlotAsk ask, std::string party = {});
  void release(HoldingId id);
  // What a worker holds that was started by an earlier daemon, whether there is room or not.
  HeldSlots take_back(const SlotAsk& ask, std::string_view devices);
  // While it's not known what such workers hold nobody gets anything.
  void hold_back(bool held);

  const Slots& slots() const { return slots_; }
  std::vector<SlotAsk> waiting() const;  // in the order of their turns

 private:
  struct Waiting {
    SlotAsk ask;
    HeldSlots got;
    net::Event ready;
    Waiting(net::Loop& loop, SlotAsk what) : ask(std::move(what)), ready(loop) {}
  };

  using WaitingPtr = std::shared_ptr<Waiting>;
  struct Line {
    std::string party;
    std::deque<WaitingPtr> waiting;  // never empty
  };

  void add(const std::string& party, WaitingPtr waiting);
  void remove(const WaitingPtr& served);
  std::vector<WaitingPtr> in_turn() const;
  void serve();

  net::Loop& loop_;
  Slots slots_;
  HoldingId last_id_ = 0;
  bool held_back_ = false;
  std::list<Line> lines_;  // the first one's turn is next
  std::function<void()> on_waiting_ = [] {};
};

}  // namespace leanto::node
