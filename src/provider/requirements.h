// What is asked of a machine, and what a machine has: processors, memory, accelerators.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/result.h"

namespace leanto {

// "a10g" and "A10G" are one kind of accelerator.
struct IgnoreCase {
  using is_transparent = void;
  bool operator()(std::string_view a, std::string_view b) const;
};
using AcceleratorCounts = std::map<std::string, int, IgnoreCase>;

inline constexpr int kMaxAccelerators = 1024;  // of one kind in one machine

struct Resources {
  double cpus = 0;
  std::uint64_t memory_bytes = 0;
  AcceleratorCounts accelerators;

  friend bool operator==(const Resources&, const Resources&) = default;
};

// Asked for is always "at least"; zero is "any".
using Requirements = Resources;

// Cloud-style text: "A10G", "A10G:1", "A100:8", "CPU:4", "CPU:4+", or several with commas: "CPU:16,
// A100:8". The plus says what is meant anyhow. kInvalid, with the right forms, for everything else.
Result<Requirements> parse_requirements(std::string_view text);

// A kind as parse_requirements takes it: letters, digits, "-", "_" and ".", a letter first.
bool is_accelerator_kind(std::string_view text);

// The parts of `needed` that `had` does not have, as one sees them: "1 x A10G"; "" if it has all.
std::string missing(const Resources& had, const Requirements& needed);

// "2 x A10G, 8 CPUs, 16 GB", or "nothing".
std::string describe(const Resources& resources);

// `a` less `b`, never below zero; accelerators of which none is left are left out.
Resources subtract(const Resources& a, const Resources& b);

}  // namespace leanto
