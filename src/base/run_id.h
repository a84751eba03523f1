// The names of runs: short, in the order in which the runs were submitted, and not to be guessed.
//
//   r 01hf3kq2z 7vq0e9xw4
//     time, ms   random     in Crockford's digits: no i, l, o, u
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace leanto {

// `ms` since 1970; of `random` 45 bits are used.
std::string make_run_id(std::int64_t ms, std::uint64_t random);
bool is_run_id(std::string_view text);

}  // namespace leanto
