// Lengths of time as people write them: "10m", "1h30m", "250ms".
#pragma once

#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace leanto {

// Whole numbers with the units d, h, m, s, ms, from the largest to the smallest and each at most
// once; "0s" is fine. kInvalid, with examples, for everything else and for more than ten years.
Result<Duration> parse_duration(std::string_view text);

// The shortest text that parse_duration reads as the same length, to the millisecond.
std::string format_duration(Duration duration);

}  // namespace leanto
