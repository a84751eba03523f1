#include "base/shell_word.h"

#include <algorithm>

namespace leanto {

std::string shell_word(const std::string& word, std::string_view also_plain) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%+=:,./-_";
  const bool is_plain = std::all_of(word.begin(), word.end(), [&](char c) {
    return kPlain.find(c) != std::string_view::npos || also_plain.find(c) != std::string_view::npos;
  });
  if (!word.empty() && is_plain) return word;
  std::string text = "'";
  for (const char c : word) text += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return text + "'";
}

}  // namespace leanto
