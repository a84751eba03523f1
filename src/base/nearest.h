// Which of the known names somebody probably meant.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace leanto {

// The candidates that are few typing errors away from `name`, nearest first and at most three. Case
// does not count; a swap of neighbours is one error. Empty when nothing is near.
std::vector<std::string> nearest(std::string_view name, std::span<const std::string> candidates);

// "; did you mean x or y?" for the end of a message, or nothing when nothing is near.
std::string did_you_mean(std::string_view name, std::span<const std::string> candidates);

}  // namespace leanto
