#include "provider/requirements.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <vector>

#include "base/byte_size.h"

namespace leanto {
namespace {

constexpr std::size_t kLongestText = 1024;
constexpr std::size_t kLongestKind = 64;
constexpr double kMaxCpus = 65536;

char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }
bool is_letter(char c) { return upper(c) >= 'A' && upper(c) <= 'Z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool same_ignoring_case(std::string_view a, std::string_view b) {
  return !IgnoreCase()(a, b) && !IgnoreCase()(b, a);
}

Failure not_requirements(std::string_view text) {
  return fail(
      ErrorKind::kInvalid,
      "\"{}\" is no accelerator or CPU count; write it like \"A10G\", \"A10G:1\", \"A100:8\", "
      "\"CPU:4\" or \"CPU:16, A100:8\"",
      text.substr(0, 80));
}

std::string_view trim(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

template <typename T>
bool parse_whole(std::string_view text, T& number) {
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  return error == std::errc() && rest == end;
}

bool add_cpus(std::string_view count, Requirements& requirements) {
  if (count.ends_with('+')) count.remove_suffix(1);
  double cpus = 0;
  const bool right =
      parse_whole(count, cpus) && std::isfinite(cpus) && cpus > 0 && cpus <= kMaxCpus;
  if (!right || requirements.cpus != 0) return false;
  requirements.cpus = cpus;
  return true;
}

bool add_accelerator(std::string_view kind, std::string_view count, Requirements& requirements) {
  int number = 0;
  const bool right = is_accelerator_kind(kind) && parse_whole(count, number) && number >= 1 &&
                     number <= kMaxAccelerators;
  return right && requirements.accelerators.emplace(kind, number).second;
}

// One of the parts between commas.
bool add(std::string_view part, Requirements& requirements) {
  const auto colon = part.find(':');
  const std::string_view kind = trim(part.substr(0, colon));
  const bool is_cpu = same_ignoring_case(kind, "CPU") || same_ignoring_case(kind, "CPUs");
  if (colon == std::string_view::npos) {
    return !is_cpu && add_accelerator(kind, "1", requirements);
  }
  const std::string_view count = trim(part.substr(colon + 1));
  return is_cpu ? add_cpus(count, requirements) : add_accelerator(kind, count, requirements);
}

std::string cpus_text(double cpus) { return fmt::format("{:g} CPU{}", cpus, cpus == 1 ? "" : "s"); }

int count_of(const Resources& resources, const std::string& kind) {
  const auto found = resources.accelerators.find(kind);
  return found == resources.accelerators.end() ? 0 : found->second;
}

}  // namespace

bool IgnoreCase::operator()(std::string_view a, std::string_view b) const {
  return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(),
                                      [](char x, char y) { return upper(x) < upper(y); });
}

bool is_accelerator_kind(std::string_view text) {
  const auto is_inner = [](char c) {
    return is_letter(c) || is_digit(c) || c == '-' || c == '_' || c == '.';
  };
  return !text.empty() && text.size() <= kLongestKind && is_letter(text.front()) &&
         std::all_of(text.begin(), text.end(), is_inner);
}

Result<Requirements> parse_requirements(std::string_view text) {
  if (text.size() > kLongestText) return not_requirements(text);
  Requirements requirements;
  std::string_view rest = text;
  for (;;) {
    const auto comma = rest.find(',');
    if (!add(trim(rest.substr(0, comma)), requirements)) return not_requirements(text);
    if (comma == std::string_view::npos) return requirements;
    rest.remove_prefix(comma + 1);
  }
}

std::string missing(const Resources& had, const Requirements& needed) {
  Resources lacking;
  for (const auto& [kind, count] : needed.accelerators) {
    if (count_of(had, kind) < count) lacking.accelerators.emplace(kind, count);
  }
  if (had.cpus < needed.cpus) lacking.cpus = needed.cpus;
  if (had.memory_bytes < needed.memory_bytes) lacking.memory_bytes = needed.memory_bytes;
  return lacking == Resources() ? "" : describe(lacking);
}

std::string describe(const Resources& resources) {
  std::vector<std::string> parts;
  for (const auto& [kind, count] : resources.accelerators) {
    parts.push_back(fmt::format("{} x {}", count, kind));
  }
  if (resources.cpus > 0) parts.push_back(cpus_text(resources.cpus));
  if (resources.memory_bytes > 0) parts.push_back(format_byte_size(resources.memory_bytes));
  return parts.empty() ? "nothing" : fmt::format("{}", fmt::join(parts, ", "));
}

Resources subtract(const Resources& a, const Resources& b) {
  Resources left{std::max(0.0, a.cpus - b.cpus),
                 a.memory_bytes - std::min(a.memory_bytes, b.memory_bytes),
                 {}};
  for (const auto& [kind, count] : a.accelerators) {
    if (count > count_of(b, kind)) left.accelerators.emplace(kind, count - count_of(b, kind));
  }
  return left;
}

}  // namespace leanto
