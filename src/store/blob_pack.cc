#include "store/blob_pack.h"

#include <zstd.h>

#include <bit>
#include <cstring>
#include <memory>
#include <set>

namespace leanto {

namespace {

constexpr int kLevel = 1;
constexpr std::size_t kSizeBytes = sizeof(std::uint64_t);
static_assert(std::endian::native == std::endian::little,
              "sizes are written as they lie in memory");

Failure broken(std::string_view how) {
  return fail(ErrorKind::kProtocol, "a pack of source files is broken: {}", how);
}

void collect(const Tree* known, const Tree& tree, std::set<Digest>& seen,
             std::vector<TreeBlob>& blobs) {
  auto add = [&](const Digest& digest, std::uint64_t size) {
    if (seen.insert(digest).second) blobs.push_back({digest, size});
  };
  std::uint64_t encoding = 0;
  for (const TreeEntry& entry : tree.entries()) {
    encoding += 43 + entry.name.size() + entry.target.size();
    const TreeEntry* const before = known == nullptr ? nullptr : known->find(entry.name);
    if (before != nullptr && before->same_as(entry)) continue;
    if (entry.is_file()) add(entry.digest, entry.size);
    if (entry.kind == EntryKind::kDirectory)
      collect(before == nullptr ? nullptr : before->tree.get(), *entry.tree, seen, blobs);
  }
  add(tree.digest(), encoding);
}

}  // namespace

Result<std::string> pack_blobs(const BlobStore& blobs, const std::vector<Digest>& digests) {
  std::string plain;
  for (const Digest& digest : digests) {
    const Result<std::string> bytes = blobs.get(digest);
    if (!bytes) return Failure(bytes.error());
    const std::uint64_t size = bytes->size();
    plain.append(reinterpret_cast<const char*>(&size), kSizeBytes);
    plain += *bytes;
  }
  std::string packed(ZSTD_compressBound(plain.size()), '\0');
  const std::size_t size =
      ZSTD_compress(packed.data(), packed.size(), plain.data(), plain.size(), kLevel);
  if (ZSTD_isError(size) != 0)
    return fail(ErrorKind::kInternal, "source files can't be compressed: {}",
                ZSTD_getErrorName(size));
  packed.resize(size);
  return packed;
}

Status unpack_blobs(BlobStore& blobs, std::string_view pack) {
  const unsigned long long size = ZSTD_getFrameContentSize(pack.data(), pack.size());
  if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN)
    return broken("it doesn't say its size");
  if (size > kMaxPackBytes) return broken("it's too large");
  const auto plain = std::make_unique_for_overwrite<char[]>(size);
  const std::size_t got = ZSTD_decompress(plain.get(), size, pack.data(), pack.size());
  if (ZSTD_isError(got) != 0) return broken(ZSTD_getErrorName(got));
  if (got != size) return broken("it's shorter than it says");
  std::string_view rest(plain.get(), got);
  while (!rest.empty()) {
    std::uint64_t length = 0;
    if (rest.size() < kSizeBytes) return broken("a size is cut off");
    std::memcpy(&length, rest.data(), kSizeBytes);
    rest.remove_prefix(kSizeBytes);
    if (length > rest.size()) return broken("a file is cut off");
    const Result<Digest> put = blobs.put(rest.substr(0, length));
    if (!put) return Failure(put.error());
    rest.remove_prefix(length);
  }
  return {};
}

std::vector<TreeBlob> blobs_beyond(const Tree* known, const Tree& tree) {
  std::vector<TreeBlob> blobs;
  if (known != nullptr && known->digest() == tree.digest()) return blobs;
  std::set<Digest> seen;
  collect(known, tree, seen, blobs);
  return blobs;
}

}  // namespace leanto
