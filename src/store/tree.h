// A source tree as content: one immutable Tree per directory, named by the digest of its bytes,
// which hold the digests of what lies in it. Equal directories are equal digests, at any depth.
//
// The format, so that anyone can make the same digests (integers little-endian):
//
//   "leanto tree 1\n"
//   then for each entry, in ascending order of its name's bytes, no name twice:
//     kind     1 byte    'f' file, 'x' executable file, 'l' symbolic link, 'd' directory
//     digest   32 bytes  SHA-256 of the file's bytes, of the link's target, of the directory's tree
//     size     8 bytes   of the file, of the target; for a directory the sum of what is in it
//     length   2 bytes   of the name, 1 to 255
//     name               bytes, whatever their encoding; no '/' and no NUL, not "." or ".."
//     only for a link:   2 bytes length (1 to 4095) and the target, no NUL
//
// In Python: header + b"".join(struct.pack("<c32sQH", kind, digest, size, len(name)) + name + ...).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "base/result.h"

namespace leanto {

class Tree;
using TreePtr = std::shared_ptr<const Tree>;

enum class EntryKind : char { kFile = 'f', kExecutable = 'x', kSymlink = 'l', kDirectory = 'd' };

struct TreeEntry {
  std::string name;
  EntryKind kind = EntryKind::kFile;
  Digest digest{};
  std::uint64_t size = 0;
  std::string target{};  // of a symbolic link
  TreePtr tree{};        // of a directory; null in what parse() returns

  bool is_file() const { return kind == EntryKind::kFile || kind == EntryKind::kExecutable; }
  // Equal contents under the same name.
  bool same_as(const TreeEntry& other) const {
    return kind == other.kind && digest == other.digest;
  }
};

class Tree {
 public:
  // Sorts the entries. Every directory among them has its `tree`, from which its digest and size
  // are taken; names are valid and not repeated.
  static TreePtr make(std::vector<TreeEntry> entries);

  // The inverse of encoding(), for bytes from anywhere: accepts exactly what encoding() can
  // produce, bounded by kMaxEncoding. kProtocol otherwise.
  static Result<std::vector<TreeEntry>> parse(std::string_view bytes);

  const std::vector<TreeEntry>& entries() const { return entries_; }
  const TreeEntry* find(std::string_view name) const;
  const Digest& digest() const { return digest_; }
  std::string encoding() const;

  // Of everything below; a link counts as a file. They stop at the largest number.
  std::uint64_t files() const { return files_; }
  std::uint64_t bytes() const { return bytes_; }
  // Levels of directories, 1 for a tree without any.
  std::uint32_t depth() const { return depth_; }

  static constexpr std::size_t kMaxEncoding = 64 << 20;
  static constexpr std::uint32_t kMaxDepth = 256;
  static constexpr std::size_t kMaxName = 255;
  static constexpr std::size_t kMaxTarget = 4095;

 private:
  std::vector<TreeEntry> entries_;
  Digest digest_;
  std::uint64_t files_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint32_t depth_ = 1;
};

// Entries point into the trees that were compared. A directory that is there on one side only is
// one change; one that differs on both sides isn't a change itself, what differs in it is.
struct TreeChange {
  std::string path;                   // from the root of the trees
  const TreeEntry* before = nullptr;  // null: added
  const TreeEntry* after = nullptr;   // null: removed
};

// What turns `from` into `to`, in order of paths' components. Looks only into directories that
// differ.
std::vector<TreeChange> diff(const Tree& from, const Tree& to);

}  // namespace leanto
