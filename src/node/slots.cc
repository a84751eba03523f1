#include "node/slots.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "base/byte_size.h"

namespace leanto::node {

namespace {

constexpr double kEpsilon = 1e-6;  // three thirds are one

struct Part {
  std::string_view kind;  // empty: any
  double count;
};

std::vector<Part> gpu_parts(const SlotAsk& ask) {
  std::vector<Part> parts;
  for (const auto& [kind, count] : ask.accelerators) parts.push_back({kind, count});
  if (ask.gpus > 0) parts.push_back({{}, ask.gpus});
  return parts;
}

bool fits_kind(const Gpu& gpu, std::string_view kind) {
  return kind.empty() || is_of_kind(gpu, kind);
}

// Takes the part out of `free`; false if there isn't enough.
bool take_share(const std::vector<Gpu>& gpus, const Part& part, std::vector<double>& free,
                std::vector<GpuShare>& taken) {
  std::optional<std::size_t> fullest;
  for (std::size_t i = 0; i < gpus.size(); ++i) {
    if (!fits_kind(gpus[i], part.kind) || free[i] + kEpsilon < part.count) continue;
    if (!fullest || free[i] < free[*fullest]) fullest = i;
  }
  if (!fullest) return false;
  free[*fullest] -= part.count;
  taken.push_back({*fullest, part.count});
  return true;
}

bool take_whole(const std::vector<Gpu>& gpus, const Part& part, std::vector<double>& free,
                std::vector<GpuShare>& taken) {
  double missing = part.count;
  for (std::size_t i = 0; i < gpus.size() && missing > kEpsilon; ++i) {
    if (!fits_kind(gpus[i], part.kind) || free[i] + kEpsilon < 1) continue;
    free[i] = 0;
    taken.push_back({i, 1});
    missing -= 1;
  }
  return missing <= kEpsilon;
}

bool take_part(const std::vector<Gpu>& gpus, const Part& part, std::vector<double>& free,
               std::vector<GpuShare>& taken) {
  return part.count < 1 ? take_share(gpus, part, free, taken) : take_whole(gpus, part, free, taken);
}

std::optional<std::vector<GpuShare>> take_gpus(const std::vector<Gpu>& gpus, const SlotAsk& ask,
                                               std::vector<double> free) {
  std::vector<GpuShare> taken;
  for (const Part& part : gpu_parts(ask)) {
    if (!take_part(gpus, part, free, taken)) return std::nullopt;
  }
  return taken;
}

std::string counted_cpus(double cpus) {
  return fmt::format("{:g} CPU{}", cpus, cpus == 1 ? "" : "s");
}

std::string joined(const std::vector<std::string>& parts) {
  return parts.empty() ? "nothing" : fmt::format("{}", fmt::join(parts, ", "));
}

bool shares_a_kind(const SlotAsk& ask, const SlotAsk& blocked) {
  return (ask.cpus > 0 && blocked.cpus > 0) || (ask.memory > 0 && blocked.memory > 0) ||
         (ask.wants_gpus() && blocked.wants_gpus());
}

void add(SlotAsk& all, const SlotAsk& more) {
  all.cpus += more.cpus;
  all.memory += more.memory;
  all.gpus += more.gpus;
  for (const auto& [kind, count] : more.accelerators) all.accelerators[kind] += count;
}

// The fewest of the front that make room; nothing if all of them would not.
std::vector<HoldingId> leave_for(Slots slots, const SlotAsk& ask,
                                 const std::vector<HoldingId>& idle) {
  std::vector<HoldingId> chosen;
  for (const HoldingId id : idle) {
    if (slots.find_room(ask)) break;
    chosen.push_back(id);
    slots.give_back(id);
  }
  return slots.find_room(ask) ? chosen : std::vector<HoldingId>();
}

// Leaves out whose leaving doesn't help, like one without a GPU where a GPU is asked for.
std::vector<HoldingId> without_needless(const Slots& slots, const SlotAsk& ask,
                                        std::vector<HoldingId> chosen) {
  for (std::size_t i = chosen.size(); i-- > 0;) {
    Slots after = slots;
    for (std::size_t other = 0; other < chosen.size(); ++other) {
      if (other != i) after.give_back(chosen[other]);
    }
    if (after.find_room(ask)) chosen.erase(chosen.begin() + static_cast<std::ptrdiff_t>(i));
  }
  return chosen;
}

}  // namespace

std::string describe(const SlotAsk& ask) {
  std::vector<std::string> parts;
  for (const auto& [kind, count] : ask.accelerators)
    parts.push_back(fmt::format("{:g} x {}", count, kind));
  if (ask.gpus > 0) parts.push_back(fmt::format("{:g} GPU{}", ask.gpus, ask.gpus == 1 ? "" : "s"));
  if (ask.cpus > 0) parts.push_back(counted_cpus(ask.cpus));
  if (ask.memory > 0) parts.push_back(format_byte_size(ask.memory) + " of memory");
  return joined(parts);
}

bool is_of_kind(const Gpu& gpu, std::string_view kind) {
  const IgnoreCase before;
  const auto same = [&](std::string_view a, std::string_view b) {
    return !before(a, b) && !before(b, a);
  };
  const std::string_view has = gpu.kind;
  if (same(has, kind)) return true;
  return has.size() > kind.size() && has[kind.size()] == '-' &&
         same(has.substr(0, kind.size()), kind);
}

std::string describe(const NodeSlots& slots) {
  std::map<std::string, int> kinds;
  for (const Gpu& gpu : slots.gpus) ++kinds[gpu.kind.empty() ? "GPU" : gpu.kind];
  std::vector<std::string> parts;
  for (const auto& [kind, count] : kinds) parts.push_back(fmt::format("{} x {}", count, kind));
  if (slots.gpus.empty()) parts.emplace_back("no GPU");
  parts.push_back(counted_cpus(slots.cpus));
  parts.push_back(format_byte_size(slots.memory) + " of memory");
  return joined(parts);
}

double Slots::free_cpus() const {
  double free = all_.cpus;
  for (const auto& [id, holding] : held_) free -= holding.cpus;
  return free;
}

std::uint64_t Slots::free_memory() const {
  std::uint64_t free = all_.memory;
  for (const auto& [id, holding] : held_) free -= std::min(free, holding.memory);
  return free;
}

std::vector<double> Slots::free_gpus() const {
  std::vector<double> free(all_.gpus.size(), 1.0);
  for (const auto& [id, holding] : held_) {
    for (const GpuShare& share : holding.gpus) free[share.gpu] -= share.share;
  }
  return free;
}

std::optional<Holding> Slots::find_room(const SlotAsk& ask) const {
  if (ask.cpus > free_cpus() + kEpsilon || ask.memory > free_memory()) return std::nullopt;
  auto gpus = take_gpus(all_.gpus, ask, free_gpus());
  if (!gpus) return std::nullopt;
  return Holding{ask.cpus, ask.memory, *std::move(gpus)};
}

bool Slots::can_ever(const SlotAsk& ask) const { return Slots(all_).find_room(ask).has_value(); }

SlotAsk Slots::lacking(const SlotAsk& ask) const {
  SlotAsk lacks;
  if (ask.cpus > free_cpus() + kEpsilon) lacks.cpus = ask.cpus;
  if (ask.memory > free_memory()) lacks.memory = ask.memory;
  if (!take_gpus(all_.gpus, ask, free_gpus())) {
    lacks.gpus = ask.gpus;
    lacks.accelerators = ask.accelerators;
  }
  return lacks;
}

std::vector<Grant> decide_grants(Slots slots, const std::vector<SlotAsk>& waiting) {
  std::vector<Grant> grants;
  SlotAsk blocked;
  for (std::size_t i = 0; i < waiting.size(); ++i) {
    std::optional<Holding> room = slots.find_room(waiting[i]);
    if (!room) {
      add(blocked, slots.lacking(waiting[i]));
    } else if (!shares_a_kind(waiting[i], blocked)) {
      slots.take(~HoldingId{i}, *room);
      grants.push_back({i, *std::move(room)});
    }
  }
  return grants;
}

std::vector<HoldingId> choose_to_leave(Slots slots, const std::vector<HoldingId>& leaving,
                                       std::vector<HoldingId> idle,
                                       const std::vector<SlotAsk>& waiting) {
  for (const HoldingId id : leaving) slots.give_back(id);
  std::vector<HoldingId> all;
  SlotAsk blocked;
  for (std::size_t i = 0; i < waiting.size(); ++i) {
    if (shares_a_kind(waiting[i], blocked)) continue;
    const auto chosen = without_needless(slots, waiting[i], leave_for(slots, waiting[i], idle));
    for (const HoldingId id : chosen) {
      slots.give_back(id);
      std::erase(idle, id);
      all.push_back(id);
    }
    if (const auto room = slots.find_room(waiting[i])) {
      slots.take(~HoldingId{i}, *room);
    } else {
      add(blocked, slots.lacking(waiting[i]));
    }
  }
  return all;
}

double SlotAsk::gpu_count() const {
  double count = gpus;
  for (const auto& [kind, of_kind] : accelerators) count += of_kind;
  return count;
}

Holding holding_of(const NodeSlots& all, const SlotAsk& ask, std::string_view devices) {
  Holding holding{ask.cpus, ask.memory, {}};
  if (!ask.wants_gpus()) return holding;
  const std::string text = fmt::format(",{},", devices);
  for (std::size_t place = 0; place < all.gpus.size(); ++place) {
    const bool given = text.find(fmt::format(",{},", all.gpus[place].name)) != std::string::npos;
    if (given) holding.gpus.push_back({place, 1});
  }
  for (GpuShare& share : holding.gpus)
    share.share = std::min(1.0, ask.gpu_count() / static_cast<double>(holding.gpus.size()));
  return holding;
}

std::string visible_devices(const NodeSlots& all, const Holding& holding) {
  std::set<std::size_t> places;
  for (const GpuShare& share : holding.gpus) places.insert(share.gpu);
  std::vector<std::string> names;
  for (const std::size_t place : places) names.push_back(all.gpus[place].name);
  return fmt::format("{}", fmt::join(names, ","));
}

}  // namespace leanto::node
