// Secrets that are said as text: tokens and tickets.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"

namespace leanto::node {

// Random hex digits, an even number of them.
Result<std::string> random_hex(std::size_t digits);

// Whether a text is the one whose digest (hex) is kept; null: none is. Takes as long for one that
// is unknown, or differs in its first letter, as for the right one.
bool is_secret(std::string_view text, const std::string* kept_digest);

}  // namespace leanto::node
