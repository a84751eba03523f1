#include "store/tree_load.h"

#include <unordered_map>
#include <utility>

namespace leanto {

namespace {

class Loader {
 public:
  explicit Loader(const BlobStore& blobs) : blobs_(blobs) {}

  Result<TreePtr> load(const Digest& digest, std::uint32_t depth) {
    if (const auto known = loaded_.find(digest); known != loaded_.end()) return known->second;
    if (depth > Tree::kMaxDepth)
      return fail(ErrorKind::kProtocol, "a tree deeper than {}", Tree::kMaxDepth);
    const Result<std::string> bytes = blobs_.get(digest);
    if (!bytes) return tl::unexpected(bytes.error());
    Result<std::vector<TreeEntry>> entries = Tree::parse(*bytes);
    if (!entries) return tl::unexpected(entries.error());
    for (TreeEntry& entry : *entries) {
      if (entry.kind != EntryKind::kDirectory) continue;
      const Result<TreePtr> below = load(entry.digest, depth + 1);
      if (!below) return below;
      entry.tree = *below;
    }
    return keep(digest, Tree::make(std::move(*entries)));
  }

 private:
  Result<TreePtr> keep(const Digest& digest, TreePtr tree) {
    // A directory whose size is not the sum of what is in it gets another digest when it is made.
    if (tree->digest() != digest) {
      return fail(ErrorKind::kProtocol, "the tree {} has wrong sums", digest.hex());
    }
    if (tree->files() > kMaxTreeFiles)
      return fail(ErrorKind::kProtocol, "a tree of {} files", tree->files());
    loaded_.emplace(digest, tree);
    return tree;
  }

  const BlobStore& blobs_;
  std::unordered_map<Digest, TreePtr, DigestHash> loaded_;
};

}  // namespace

Result<TreePtr> load_tree(const BlobStore& blobs, const Digest& digest) {
  return Loader(blobs).load(digest, 1);
}

}  // namespace leanto
