// The machine that the daemon itself runs on.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "os/machine.h"
#include "provider/provider.h"

namespace leanto {

struct LocalSettings {
  std::string cluster = "here";
  std::string node;                      // the machine's name
  AcceleratorCounts accelerators;        // as declared in node.toml
  std::optional<double> price_per_hour;  // the same
};

class LocalProvider final : public Provider {
 public:
  // Both are asked at each call: what the machine has, and what workers hold of it.
  using ReadMachine = std::function<Result<Machine>()>;
  using ReadInUse = std::function<Resources()>;

  LocalProvider(LocalSettings settings, ReadMachine read_machine, ReadInUse read_in_use);

  std::string_view name() const override { return "local"; }
  Result<std::vector<Offer>> offers(const Requirements& requirements) override;

 private:
  const LocalSettings settings_;
  const ReadMachine read_machine_;
  const ReadInUse read_in_use_;
};

// The decision in it. Of memory, free is what workers have not reserved, but never more than what
// the kernel calls available: others use the machine too.
Offer local_offer(const LocalSettings& settings, const Machine& machine, const Resources& in_use);

}  // namespace leanto
