// The decision among offers: a plain function from values to a value.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "provider/offer.h"

namespace leanto {

inline constexpr std::string_view kCheapest = "cheapest";
inline constexpr std::string_view kAvailable = "available";

// The best offer that can, by `policy`: "cheapest", "available" (the soonest), or the name of a
// provider, whose cheapest it is then. `config_path` is this machine's node.toml, for the message.
//
// kCapacity if none can: the message says what was asked, what each answered, and what to do next.
// kInvalid if the policy is none of these.
Result<Offer> choose(std::string_view policy, const Requirements& requirements,
                     std::span<const Offer> offers, const std::string& config_path);

}  // namespace leanto
