// Blobs on their way to another machine: many in one compressed piece, and which of a tree's
// another store can lack.
//
// The format: a zstd frame of, for each blob, its size in 8 bytes (little-endian) and its bytes. It
// doesn't say the digests: who gets it makes them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "store/blobs.h"
#include "store/tree.h"

namespace leanto {

inline constexpr std::uint64_t kMaxPackBytes = std::uint64_t{2} << 30;  // when it's unpacked

// kNotFound: one isn't there (any more), or is damaged.
Result<std::string> pack_blobs(const BlobStore& blobs, const std::vector<Digest>& digests);

// Puts what is in the pack. kProtocol: it isn't one.
Status unpack_blobs(BlobStore& blobs, std::string_view pack);

// A blob of a tree: a file, or the encoding of a directory.
struct TreeBlob {
  Digest digest;
  std::uint64_t size = 0;  // of an encoding: an estimate

  friend bool operator==(const TreeBlob&, const TreeBlob&) = default;
};

// Each blob of `tree` once, without those that are in the same place in `known` (null: nothing is
// known). Trees come after what is in them.
std::vector<TreeBlob> blobs_beyond(const Tree* known, const Tree& tree);

}  // namespace leanto
