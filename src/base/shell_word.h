// A word as a POSIX shell reads it back, for commands that are shown to people.
#pragma once

#include <string>
#include <string_view>

namespace leanto {

// As it stands if it has only characters that mean nothing to a shell, or that are `also_plain`;
// else in single quotes.
std::string shell_word(const std::string& word, std::string_view also_plain = {});

}  // namespace leanto
