#include "base/run_id.h"

#include <algorithm>

namespace leanto {

namespace {

constexpr std::string_view kDigits = "0123456789abcdefghjkmnpqrstvwxyz";
constexpr std::size_t kPart = 9;  // digits of five bits

void append_digits(std::string& out, std::uint64_t number) {
  for (std::size_t i = kPart; i-- > 0;) out += kDigits[number >> (5 * i) & 31];
}

}  // namespace

std::string make_run_id(std::int64_t ms, std::uint64_t random) {
  std::string id = "r";
  append_digits(id, static_cast<std::uint64_t>(ms));
  append_digits(id, random);
  return id;
}

bool is_run_id(std::string_view text) {
  if (text.size() != 1 + 2 * kPart || text[0] != 'r') return false;
  return std::all_of(text.begin() + 1, text.end(),
                     [](char c) { return kDigits.find(c) != std::string_view::npos; });
}

}  // namespace leanto
