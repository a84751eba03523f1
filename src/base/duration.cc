#include "base/duration.h"

#include <array>
#include <charconv>
#include <cstdint>
#include <optional>

namespace leanto {
namespace {

struct Unit {
  std::string_view name;
  std::int64_t milliseconds;
};

constexpr std::array<Unit, 5> kUnits{{
    {"d", 86'400'000},
    {"h", 3'600'000},
    {"m", 60'000},
    {"s", 1'000},
    {"ms", 1},
}};
constexpr std::int64_t kLongest = std::int64_t{3660} * 86'400'000;

// The unit at the start of `text`, with its index. "ms" is tried before "m".
std::optional<std::size_t> find_unit(std::string_view text) {
  for (std::size_t i = kUnits.size(); i-- > 0;) {
    if (text.starts_with(kUnits[i].name)) return i;
  }
  return std::nullopt;
}

std::optional<std::int64_t> parse_milliseconds(std::string_view text) {
  std::int64_t sum = 0;
  std::size_t next_unit = 0;
  if (text.empty()) return std::nullopt;
  while (!text.empty()) {
    std::uint32_t number = 0;
    const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc()) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(rest - text.data()));
    const auto unit = find_unit(text);
    if (!unit || *unit < next_unit) return std::nullopt;
    sum += number * kUnits[*unit].milliseconds;
    if (sum > kLongest) return std::nullopt;
    next_unit = *unit + 1;
    text.remove_prefix(kUnits[*unit].name.size());
  }
  return sum;
}

}  // namespace

Result<Duration> parse_duration(std::string_view text) {
  const auto milliseconds = parse_milliseconds(text);
  if (!milliseconds) {
    return fail(ErrorKind::kInvalid,
                "\"{}\" is no length of time; write it like \"10m\", \"1h30m\" or \"250ms\"",
                text.substr(0, 64));
  }
  return std::chrono::milliseconds(*milliseconds);
}

std::string format_duration(Duration duration) {
  std::int64_t left = std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
  std::string text;
  for (const Unit& unit : kUnits) {
    if (left < unit.milliseconds) continue;
    text += fmt::format("{}{}", left / unit.milliseconds, unit.name);
    left %= unit.milliseconds;
  }
  return text.empty() ? "0s" : text;
}

}  // namespace leanto
