// A tree as files of somebody's own: copies, which he may change without any blob's knowing.
#pragma once

#include <string>

#include "base/result.h"
#include "store/blobs.h"
#include "store/tree.h"

namespace leanto {

// `directory` does not exist yet. After an error it holds some of the tree and must be removed.
// kNotFound: a blob is missing or damaged. kCapacity: disk full.
Status copy_out(BlobStore& blobs, const std::string& directory, const Tree& tree);

}  // namespace leanto
