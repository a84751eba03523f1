#include "node/capacity.h"

#include <algorithm>
#include <charconv>
#include <set>

namespace leanto::node {

namespace {

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const auto comma = std::min(text.find(','), text.size());
    if (comma > 0) parts.emplace_back(text.substr(0, comma));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return parts;
}

std::vector<FoundGpu> listed(const AcceleratorCounts& declared) {
  std::vector<FoundGpu> gpus;
  for (const auto& [kind, count] : declared)
    gpus.insert(gpus.end(), static_cast<std::size_t>(count), FoundGpu{kind});
  return gpus;
}

// A number, or the beginning of a UUID, as CUDA_VISIBLE_DEVICES has them.
std::string kind_of(const std::vector<FoundGpu>& gpus, std::string_view name) {
  if (name.starts_with("GPU-")) {
    for (const FoundGpu& gpu : gpus) {
      if (gpu.uuid.starts_with(name)) return gpu.kind;
    }
  }
  std::size_t place = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), place);
  const bool is_number = error == std::errc() && end == name.data() + name.size();
  return is_number && place < gpus.size() ? gpus[place].kind : "";
}

}  // namespace

NodeSlots node_slots(const Machine& machine, const AcceleratorCounts& declared,
                     const std::vector<FoundGpu>& found,
                     const std::optional<std::string>& visible) {
  NodeSlots slots{machine.cpus, machine.memory_bytes, {}};
  const std::vector<FoundGpu> gpus = declared.empty() ? found : listed(declared);
  if (!visible) {
    for (std::size_t i = 0; i < gpus.size(); ++i)
      slots.gpus.push_back({std::to_string(i), gpus[i].kind});
    return slots;
  }
  for (const std::string& name : split(*visible)) {
    if (name.starts_with('-')) break;  // as CUDA reads it: nothing from there on
    slots.gpus.push_back({name, kind_of(gpus, name)});
  }
  return slots;
}

AcceleratorCounts accelerator_counts(const std::vector<Gpu>& gpus) {
  AcceleratorCounts counts;
  for (const Gpu& gpu : gpus) {
    const std::string kind = gpu.kind.substr(0, gpu.kind.find('-'));
    ++counts[kind.empty() ? "GPU" : kind];
  }
  return counts;
}

Resources resources_in_use(const Slots& slots) {
  Resources used;
  std::set<std::size_t> places;
  for (const auto& [id, holding] : slots.held()) {
    used.cpus += holding.cpus;
    used.memory_bytes += holding.memory;
    for (const GpuShare& share : holding.gpus) places.insert(share.gpu);
  }
  std::vector<Gpu> gpus;
  for (const std::size_t place : places) gpus.push_back(slots.all().gpus[place]);
  used.accelerators = accelerator_counts(gpus);
  return used;
}

}  // namespace leanto::node
