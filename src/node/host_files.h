// Files of this machine, piece by piece. A relative path begins at the user's home, and so does one
// that begins with "~/". Blocking.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace leanto::node {

struct FilePiece {
  std::string bytes;
  std::uint64_t file_size = 0;
  std::uint32_t mode = 0;  // permissions
};

// At most `size` bytes from `offset` on, and at most kMaxPiece. kNotFound, kAccessDenied, kInvalid:
// not a regular file.
Result<FilePiece> read_piece(const std::string& path, std::uint64_t offset, std::uint64_t size);
inline constexpr std::uint64_t kMaxPiece = 16 << 20;

// Writes a piece into a file beside `path`, which takes that name with the last piece: whoever
// reads `path` sees the old file or the whole new one. Offset 0 begins anew. Returns the whole
// path. kNotFound: no such directory. kInvalid: `path` is a directory, or a piece is missing.
Result<std::string> write_piece(const std::string& path, std::uint64_t offset,
                                std::string_view bytes, bool is_last, mode_t mode);

}  // namespace leanto::node
