#include "base/byte_size.h"

#include <array>
#include <charconv>
#include <optional>

namespace leanto {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t bytes;
};

constexpr std::array<Unit, 9> kUnits{{
    {"TB", 1'000'000'000'000},
    {"GB", 1'000'000'000},
    {"MB", 1'000'000},
    {"KB", 1'000},
    {"TiB", std::uint64_t{1} << 40},
    {"GiB", std::uint64_t{1} << 30},
    {"MiB", std::uint64_t{1} << 20},
    {"KiB", std::uint64_t{1} << 10},
    {"B", 1},
}};
constexpr std::size_t kDecimalUnits = 4;

char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

bool same_ignoring_case(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (upper(a[i]) != upper(b[i])) return false;
  }
  return true;
}

std::optional<std::uint64_t> find_unit(std::string_view name) {
  for (const Unit& unit : kUnits) {
    if (same_ignoring_case(unit.name, name)) return unit.bytes;
  }
  return std::nullopt;
}

}  // namespace

Result<std::uint64_t> parse_byte_size(std::string_view text) {
  double number = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number, std::chars_format::fixed);
  std::string_view unit_name(rest, static_cast<std::size_t>(end - rest));
  if (unit_name.starts_with(' ')) unit_name.remove_prefix(1);
  const auto unit = find_unit(unit_name);
  const bool is_number = error == std::errc() && number >= 0;  // false for NaN too
  if (!is_number || !unit || number * static_cast<double>(*unit) >= 9.2e18) {
    return fail(ErrorKind::kInvalid,
                "\"{}\" is no amount of bytes; write it like \"16GB\", \"16GiB\" or \"512MB\"",
                text.substr(0, 64));
  }
  return static_cast<std::uint64_t>(number * static_cast<double>(*unit) + 0.5);
}

std::string format_byte_size(std::uint64_t bytes) {
  if (bytes < 1000) return fmt::format("{} B", bytes);
  for (std::size_t i = 0; i < kDecimalUnits; ++i) {
    if (bytes % kUnits[i].bytes == 0)
      return fmt::format("{} {}", bytes / kUnits[i].bytes, kUnits[i].name);
  }
  for (std::size_t i = kDecimalUnits; i < kUnits.size(); ++i) {
    if (bytes < kUnits[i].bytes) continue;
    const double amount = static_cast<double>(bytes) / static_cast<double>(kUnits[i].bytes);
    const bool whole = bytes % kUnits[i].bytes == 0;
    return fmt::format("{:.{}f} {}", amount, whole ? 0 : 1, kUnits[i].name);
  }
  return fmt::format("{} B", bytes);
}

}  // namespace leanto
