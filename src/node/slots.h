// The slots of this node, as values: what the machine has, what each worker holds of it, who gets
// what next, and which idle workers have to go for it. Slots are counted, so what a service doesn't
// ask for it may still use: only memory is limited (`MemoryLimits`), and GPUs are shown or hidden.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "provider/requirements.h"

namespace leanto::node {

// What a worker needs. Zero: nothing is reserved.
struct SlotAsk {
  double cpus = 0;
  std::uint64_t memory = 0;                                // bytes
  double gpus = 0;                                         // of any kind: whole ones or a part
  std::map<std::string, double, IgnoreCase> accelerators;  // the same, by kind

  bool is_nothing() const { return *this == SlotAsk(); }
  bool wants_gpus() const { return gpus > 0 || !accelerators.empty(); }
  double gpu_count() const;  // of all kinds
  friend bool operator==(const SlotAsk&, const SlotAsk&) = default;
};
std::string describe(const SlotAsk& ask);  // "2 CPUs, 4 GB, 0.5 x A10G"

struct Gpu {
  std::string name;  // what CUDA_VISIBLE_DEVICES calls it: "0", or "GPU-6d1b..."
  std::string kind;  // "A10G", "A100-SXM4-40GB"; empty: not known

  friend bool operator==(const Gpu&, const Gpu&) = default;
};
// "A100" also names an A100-SXM4-40GB.
bool is_of_kind(const Gpu& gpu, std::string_view kind);

struct NodeSlots {
  double cpus = 0;
  std::uint64_t memory = 0;
  std::vector<Gpu> gpus;
};
std::string describe(const NodeSlots& slots);

struct GpuShare {
  std::size_t gpu = 0;  // its place in NodeSlots::gpus
  double share = 1;     // 1: all of it

  friend bool operator==(const GpuShare&, const GpuShare&) = default;
};

// What one worker holds.
struct Holding {
  double cpus = 0;
  std::uint64_t memory = 0;
  std::vector<GpuShare> gpus;

  friend bool operator==(const Holding&, const Holding&) = default;
};

using HoldingId = std::uint64_t;  // 0: holds nothing

class Slots {
 public:
  explicit Slots(NodeSlots all) : all_(std::move(all)) {}

  const NodeSlots& all() const { return all_; }
  const std::map<HoldingId, Holding>& held() const { return held_; }

  // What a worker that asks for this would get now. A share of a GPU comes from the fullest one
  // that has room, so that whole ones stay free.
  std::optional<Holding> find_room(const SlotAsk& ask) const;
  // Whether it could be had if nobody held anything.
  bool can_ever(const SlotAsk& ask) const;
  // The parts of `ask` that there is no room for now.
  SlotAsk lacking(const SlotAsk& ask) const;

  void take(HoldingId id, Holding holding) { held_[id] = std::move(holding); }
  void give_back(HoldingId id) { held_.erase(id); }

 private:
  double free_cpus() const;
  std::uint64_t free_memory() const;
  std::vector<double> free_gpus() const;

  NodeSlots all_;
  std::map<HoldingId, Holding> held_;
};

// Who of those that wait, in the order in which they came, gets something now. Who has to go on
// waiting for a kind of slot has it before those who came later; for other kinds they pass by.
struct Grant {
  std::size_t waiting = 0;  // its place among those that wait
  Holding holding;

  friend bool operator==(const Grant&, const Grant&) = default;
};
std::vector<Grant> decide_grants(Slots slots, const std::vector<SlotAsk>& waiting);

// Which of the idle ones (the one to go first comes first) must leave so that somebody who waits
// can be served. `leaving` are on their way out. Nobody leaves in vain.
std::vector<HoldingId> choose_to_leave(Slots slots, const std::vector<HoldingId>& leaving,
                                       std::vector<HoldingId> idle,
                                       const std::vector<SlotAsk>& waiting);

// For CUDA_VISIBLE_DEVICES: "0,1"; "" hides all.
std::string visible_devices(const NodeSlots& all, const Holding& holding);
// The other way round: what a process holds that was given `devices` for what it asked.
Holding holding_of(const NodeSlots& all, const SlotAsk& ask, std::string_view devices);

}  // namespace leanto::node
