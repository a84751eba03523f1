// What to do where there is no room: a full disk, a quota that is used up, a limit on the size of
// files (`ulimit -f`).
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace leanto {

// Whether it is the error number of a lack of room. `file_failure` makes kCapacity of these.
bool is_no_room(int error_number);
// "the disk is full": what is lacking, in words.
std::string_view describe_no_room(int error_number);

// To the end of a file that nobody else writes to: all of the bytes, or none and an error.
Status append_whole(int fd, std::string_view bytes, std::string_view path);

}  // namespace leanto
