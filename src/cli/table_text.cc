#include "cli/table_text.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

namespace leanto::cli {

namespace {

constexpr std::string_view kEllipsis = "…";
constexpr std::string_view kReplacement = "\uFFFD";

struct Range {
  char32_t first;
  char32_t last;
};

constexpr std::array<Range, 7> kZeroWidth{{{0x0300, 0x036F},
                                           {0x1AB0, 0x1AFF},
                                           {0x1DC0, 0x1DFF},
                                           {0x200B, 0x200D},
                                           {0x20D0, 0x20FF},
                                           {0xFE00, 0xFE0F},
                                           {0xFE20, 0xFE2F}}};
constexpr std::array<Range, 14> kWide{{{0x1100, 0x115F},
                                       {0x2E80, 0x303E},
                                       {0x3041, 0x33FF},
                                       {0x3400, 0x4DBF},
                                       {0x4E00, 0xA4CF},
                                       {0xA960, 0xA97C},
                                       {0xAC00, 0xD7A3},
                                       {0xF900, 0xFAFF},
                                       {0xFE30, 0xFE6F},
                                       {0xFF00, 0xFF60},
                                       {0xFFE0, 0xFFE6},
                                       {0x1F300, 0x1F6FF},
                                       {0x1F900, 0x1FAFF},
                                       {0x20000, 0x3FFFD}}};
constexpr std::array<Range, 6> kObeyed{{{0x00, 0x1F},
                                        {0x7F, 0x9F},
                                        {0x200E, 0x200F},
                                        {0x2028, 0x202E},
                                        {0x2066, 0x2069},
                                        {0xFEFF, 0xFEFF}}};

template <std::size_t Size>
bool is_in(const std::array<Range, Size>& ranges, char32_t c) {
  auto holds = [c](const Range& range) { return c >= range.first && c <= range.last; };
  return std::any_of(ranges.begin(), ranges.end(), holds);
}

struct Character {
  std::string_view bytes;
  char32_t code = 0;
  bool valid = true;

  std::size_t width() const {
    if (is_in(kZeroWidth, code)) return 0;
    return is_in(kWide, code) ? 2 : 1;
  }
};

// The size that a first byte announces and the bits that it holds itself; 0: no first byte.
std::size_t announced_size(unsigned char byte, char32_t& bits) {
  const std::size_t size = byte < 0x80             ? 1
                           : (byte & 0xE0) == 0xC0 ? 2
                           : (byte & 0xF0) == 0xE0 ? 3
                           : (byte & 0xF8) == 0xF0 ? 4
                                                   : 0;
  bits = size == 1 ? byte : byte & (0x7Fu >> size);
  return size;
}

bool is_code_point(char32_t code, std::size_t size) {
  constexpr std::array<char32_t, 5> kSmallest{0, 0, 0x80, 0x800, 0x10000};
  return code >= kSmallest[size] && code <= 0x10FFFF && (code < 0xD800 || code > 0xDFFF);
}

// `text` is not empty. What is no UTF-8 is taken byte by byte.
Character first_character(std::string_view text) {
  const Character invalid{text.substr(0, 1), 0xFFFD, false};
  char32_t code = 0;
  const std::size_t size = announced_size(static_cast<unsigned char>(text[0]), code);
  if (size == 0 || size > text.size()) return invalid;
  for (std::size_t i = 1; i < size; ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if ((byte & 0xC0) != 0x80) return invalid;
    code = code << 6 | (byte & 0x3F);
  }
  if (!is_code_point(code, size)) return invalid;
  return {text.substr(0, size), code};
}

std::vector<Character> characters(std::string_view text) {
  std::vector<Character> all;
  while (!text.empty()) {
    all.push_back(first_character(text));
    text.remove_prefix(all.back().bytes.size());
  }
  return all;
}

}  // namespace

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  for (const Character& character : characters(text)) width += character.width();
  return width;
}

std::string cut_text(std::string_view text, std::size_t width, CutAt cut) {
  if (display_width(text) <= width) return std::string(text);
  if (width == 0) return {};
  std::vector<Character> all = characters(text);
  if (cut == CutAt::kStart) std::reverse(all.begin(), all.end());
  std::size_t bytes = 0;
  std::size_t used = display_width(kEllipsis);
  for (const Character& character : all) {
    used += character.width();
    if (used > width) break;
    bytes += character.bytes.size();
  }
  if (cut == CutAt::kEnd) return std::string(text.substr(0, bytes)).append(kEllipsis);
  return std::string(kEllipsis).append(text.substr(text.size() - bytes));
}

std::string printable(std::string_view text) {
  std::string out;
  for (const Character& character : characters(text)) {
    if (character.code == '\n' || character.code == '\t') {
      out += ' ';
    } else {
      const bool replaced = !character.valid || is_in(kObeyed, character.code);
      out += replaced ? kReplacement : character.bytes;
    }
  }
  return out;
}

}  // namespace leanto::cli
