// A tree on the disk: real directories, files as hard links of blobs (copies where the file system
// can't link), symbolic links. Descends by descriptors and never through a symbolic link, because
// user code runs in layouts and may have put a link in the place of a directory.
#pragma once

#include <string>

#include "base/result.h"
#include "store/blobs.h"
#include "store/tree.h"

namespace leanto {

// In all of them `directory` is the layout's path. After an error the layout is neither the one nor
// the other tree and must be removed. kNotFound: a blob is missing or damaged. kCapacity: disk
// full.

// `directory` does not exist yet.
Status lay_out(BlobStore& blobs, const std::string& directory, const Tree& tree);

// `directory` is a layout of `from` that nothing has touched; afterwards it is one of `to`.
Status patch_layout(BlobStore& blobs, const std::string& directory, const Tree& from,
                    const Tree& to);

// `directory` was a layout of `tree` in which user code has run; afterwards it is one again:
// missing, changed and damaged entries are placed anew, additional ones removed, except
// `__pycache__`.
Status repair_layout(BlobStore& blobs, const std::string& directory, const Tree& tree);

}  // namespace leanto
