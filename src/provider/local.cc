#include "provider/local.h"

#include <algorithm>
#include <utility>

namespace leanto {

LocalProvider::LocalProvider(LocalSettings settings, ReadMachine read_machine,
                             ReadInUse read_in_use)
    : settings_(std::move(settings)),
      read_machine_(std::move(read_machine)),
      read_in_use_(std::move(read_in_use)) {}

Result<std::vector<Offer>> LocalProvider::offers(const Requirements& requirements) {
  const auto machine = read_machine_();
  if (!machine) return Failure(machine.error());
  return std::vector{judged(local_offer(settings_, *machine, read_in_use_()), requirements)};
}

Offer local_offer(const LocalSettings& settings, const Machine& machine, const Resources& in_use) {
  Offer offer;
  offer.provider = "local";
  offer.cluster = settings.cluster;
  offer.node = settings.node;
  offer.ownership = Ownership::kOwned;
  offer.price_per_hour = settings.price_per_hour;
  offer.total = {machine.cpus, machine.memory_bytes, settings.accelerators};
  offer.free = subtract(offer.total, in_use);
  offer.free.memory_bytes = std::min(offer.free.memory_bytes, machine.available_memory_bytes);
  return offer;
}

}  // namespace leanto
