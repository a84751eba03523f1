#include "node/waiting_report.h"

#include <fmt/format.h>

namespace leanto::node {

using wire::Json;

namespace {

std::string lacking_text(const Target& target, const Slots& slots) {
  const SlotAsk lacking = slots.lacking(target.service->settings.ask);
  if (lacking.is_nothing()) return "its turn to get slots";
  return fmt::format("slots: {} in use by others", describe(lacking));
}

std::string busy_text(const Target& target) {
  const std::size_t count = target.workers.size();
  if (target.kind == TargetKind::kObject) return "the object: it runs as many calls as it may";
  return count == 1 ? "the worker: it is busy" : fmt::format("a worker: all {} are busy", count);
}

}  // namespace

Json waits_for(const Target& target, const Slots& slots) {
  if (target.starting > target.waiting_for_slots)
    return {{"what", "start"}, {"text", "a worker, which is starting"}};
  if (target.waiting_for_slots > 0) {
    std::string text = lacking_text(target, slots);
    if (!target.workers.empty()) text += "; or " + busy_text(target);
    return {{"what", "slots"}, {"text", text}};
  }
  return {{"what", "worker"}, {"text", busy_text(target)}};
}

}  // namespace leanto::node
