// A way to get nodes: this machine, hosts over ssh, a batch system, a cluster of pods, clouds.
#pragma once

#include <string_view>
#include <vector>

#include "provider/offer.h"

namespace leanto {

class Provider {
 public:
  virtual ~Provider() = default;

  virtual std::string_view name() const = 0;

  // One offer a node, also from those that can't (Offer::cannot says why): only then can a refusal
  // be explained. An error if the provider as a whole gave no answer. May block: called on a
  // background thread, one call at a time.
  virtual Result<std::vector<Offer>> offers(const Requirements& requirements) = 0;
};

}  // namespace leanto
