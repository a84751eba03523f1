// Amounts of bytes as people write them: "16GB", "512 MiB".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace leanto {

// KB, MB, GB, TB are powers of 1000 and KiB, MiB, GiB, TiB powers of 1024, whatever the case of the
// letters; a fraction ("1.5GB") is fine. A number without a unit is refused, since half of its
// writers mean another one than its readers. kInvalid, with examples, for everything else.
Result<std::uint64_t> parse_byte_size(std::string_view text);

// "16 GB" where that is exact, else the nearest "14.9 GiB".
std::string format_byte_size(std::uint64_t bytes);

}  // namespace leanto
