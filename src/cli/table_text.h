// How wide text is on a terminal, and how to make it fit. UTF-8, as far as names and paths need it:
// wide characters count twice and combining ones not at all; sequences of emoji may come out wider.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace leanto::cli {

enum class CutAt { kEnd, kStart };  // what an ellipsis stands for; of a path the end says more

// In columns of a terminal.
std::size_t display_width(std::string_view text);

// `text` if it's at most `width` wide, else as much of it as fits beside an ellipsis.
std::string cut_text(std::string_view text, std::size_t width, CutAt cut);

// `text` with control characters (which a terminal would obey), marks that turn the direction of
// writing and bytes that are not UTF-8 replaced by U+FFFD, and line breaks and tabs by a space.
std::string printable(std::string_view text);

}  // namespace leanto::cli
