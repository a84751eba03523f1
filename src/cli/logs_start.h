// Where to begin in a log, so that its last lines of text are shown. Reads from the end, so that it
// takes no longer for a large file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace leanto::cli {

// The text that a line of the file stands for, with its newlines.
using TextOf = std::function<std::string(std::string_view line)>;

struct LogStart {
  std::uint64_t offset = 0;  // of a line of the file
  std::size_t skip = 0;      // so many lines of text at its beginning are not wanted
  std::size_t missing = 0;   // so many newlines must come from an older file

  friend bool operator==(const LogStart&, const LogStart&) = default;
};

// For the last `lines` lines of text among the first `size` bytes of the file `fd`; text after the
// last newline counts as a line. What follows the file's last newline is still being written and
// does not count. `path` is for the error.
Result<LogStart> find_start(int fd, std::uint64_t size, std::size_t lines, const TextOf& text_of,
                            std::string_view path);

// The same for the file before it, where a newer file has left `missing` newlines to be found.
Result<LogStart> find_start_before(int fd, std::uint64_t size, std::size_t missing,
                                   const TextOf& text_of, std::string_view path);

}  // namespace leanto::cli
