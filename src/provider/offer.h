// A provider's answer to "can you give me this much, and at what price per hour?"
#pragma once

#include <optional>
#include <string>

#include "base/clock.h"
#include "provider/requirements.h"

namespace leanto {

enum class Ownership {
  kOwned,   // here already: using it costs nothing more, unless its owner set a price
  kRented,  // paid for by the hour while it's used
};

struct Offer {
  std::string provider;
  std::string cluster;
  std::string node;
  Ownership ownership = Ownership::kOwned;
  Resources free{};
  Resources total{};
  std::optional<double> price_per_hour{};
  Duration start_time{};  // until it can take a call; 0: it's running
  std::string cannot{};   // why it can't; empty: it can

  friend bool operator==(const Offer&, const Offer&) = default;
};

// Fills in `cannot` from what the offer has: all in use, or not enough even when it's idle. What a
// provider said itself stays.
Offer judged(Offer offer, const Requirements& requirements);

}  // namespace leanto
