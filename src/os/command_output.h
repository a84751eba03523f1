// A program's output, for commands and for what a daemon asks before its loop runs.
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace leanto {

// What the program writes to stdout, when it has ended; how is not looked at. Blocks. After `limit`
// it's killed with what it started: kTimeout. kCapacity if it writes more than a MiB.
Result<std::string> output_of(const std::vector<std::string>& arguments, Duration limit);

}  // namespace leanto
