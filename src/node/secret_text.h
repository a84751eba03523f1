// Secrets that are said as text: tokens and tickets.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"

namespace leanto::node {

// Random hex digits, an even number of them.
Result<std::string> random_hex(std::size_t digits);

// Takes as long for texts that differ in their first letter as for equal ones.
bool equal_in_constant_time(std::string_view a, std::string_view b);

}  // namespace leanto::node
