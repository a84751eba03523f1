// Trees from their encodings, which lie in the blob store beside the files.
#pragma once

#include "base/digest.h"
#include "base/result.h"
#include "store/blobs.h"
#include "store/tree.h"

namespace leanto {

// The whole tree, also when its bytes came from another machine. kNotFound: an encoding is missing.
// kProtocol: it isn't a tree, or it is deeper or larger than any project (a tree may name the same
// directory many times, so few bytes can stand for more files than a disk holds).
Result<TreePtr> load_tree(const BlobStore& blobs, const Digest& digest);

inline constexpr std::uint64_t kMaxTreeFiles = 10'000'000;

}  // namespace leanto
