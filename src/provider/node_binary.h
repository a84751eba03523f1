// This program as what is sent to hosts that lack it: its digest, by which they know it, and its
// compressed form, which is made once and kept in the cache.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/digest.h"
#include "base/result.h"

namespace leanto {

struct NodeBinary {
  std::filesystem::path program;
  std::filesystem::path cache;  // where the compressed form is kept
  Digest digest;                // of the loadable part, which is what hosts have
  std::uint64_t size = 0;       // of the same

  friend bool operator==(const NodeBinary&, const NodeBinary&) = default;
};

// `program` is usually "/proc/self/exe"; `cache` a directory of this user's own, made if it isn't
// there. Reads and hashes the program unless the cache knows it by its stat, so that it may take a
// tenth of a second: not on the loop.
Result<NodeBinary> find_node_binary(const std::filesystem::path& program,
                                    const std::filesystem::path& cache);

struct PackedBinary {
  std::string bytes;  // zlib's format
  Digest digest;      // of `bytes`
};

// Compresses the program, or reads what an earlier call has left. About a second the first time.
Result<PackedBinary> pack(const NodeBinary& binary);

}  // namespace leanto
