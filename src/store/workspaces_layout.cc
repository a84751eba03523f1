#include "store/workspaces_layout.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "os/files.h"

namespace leanto {

namespace {

Status place_entries(BlobStore& blobs, int directory, const Tree& tree);

BlobMode mode_of(const TreeEntry& entry) {
  return entry.kind == EntryKind::kExecutable ? BlobMode::kExecutable : BlobMode::kData;
}

Status copy_file(const std::string& blob, int directory, const TreeEntry& entry) {
  const Result<std::string> bytes = read_file(blob);
  if (!bytes) return tl::unexpected(bytes.error());
  const Result<UniqueFd> fd = open_at(directory, entry.name, O_WRONLY | O_CREAT | O_EXCL, 0600);
  if (!fd) return tl::unexpected(fd.error());
  if (Status written = write_all(fd->get(), *bytes, entry.name); !written) return written;
  return BlobStore::finish(fd->get(), entry.digest, mode_of(entry), entry.name);
}

Status place_file(BlobStore& blobs, int directory, const TreeEntry& entry) {
  const Result<std::string> blob = blobs.path_of(entry.digest, mode_of(entry));
  if (!blob) return tl::unexpected(blob.error());
  if (::linkat(AT_FDCWD, blob->c_str(), directory, entry.name.c_str(), 0) == 0) return {};
  // Another file system, as many links as it can have, or one that has no links at all.
  if (errno == EXDEV || errno == EMLINK || errno == EPERM || errno == EOPNOTSUPP) {
    return copy_file(*blob, directory, entry);
  }
  return file_failure(errno, "link", entry.name);
}

Status place_directory(BlobStore& blobs, int directory, const TreeEntry& entry) {
  if (::mkdirat(directory, entry.name.c_str(), 0755) != 0) {
    return file_failure(errno, "make directory", entry.name);
  }
  const Result<UniqueFd> fd = open_directory_at(directory, entry.name);
  if (!fd) return tl::unexpected(fd.error());
  return place_entries(blobs, fd->get(), *entry.tree);
}

Status place(BlobStore& blobs, int directory, const TreeEntry& entry) {
  if (entry.is_file()) return place_file(blobs, directory, entry);
  if (entry.kind == EntryKind::kDirectory) return place_directory(blobs, directory, entry);
  if (::symlinkat(entry.target.c_str(), directory, entry.name.c_str()) != 0) {
    return file_failure(errno, "make link", entry.name);
  }
  return {};
}

Status place_entries(BlobStore& blobs, int directory, const Tree& tree) {
  for (const TreeEntry& entry : tree.entries()) {
    if (Status placed = place(blobs, directory, entry); !placed) return placed;
  }
  return {};
}

// The directory of a path below `root`, component by component.
Result<UniqueFd> open_parent(int root, std::string_view path) {
  Result<UniqueFd> at = open_directory_at(root, ".");
  for (std::size_t slash = path.find('/'); at && slash != std::string_view::npos;
       slash = path.find('/')) {
    at = open_directory_at(at->get(), std::string(path.substr(0, slash)));
    path.remove_prefix(slash + 1);
  }
  return at;
}

Status apply(BlobStore& blobs, int root, const TreeChange& change) {
  const Result<UniqueFd> parent = open_parent(root, change.path);
  if (!parent) return tl::unexpected(parent.error());
  if (change.before != nullptr) {
    if (Status removed = remove_tree_at(parent->get(), change.before->name); !removed)
      return removed;
  }
  return change.after == nullptr ? Status{} : place(blobs, parent->get(), *change.after);
}

bool is_as_placed(int directory, const TreeEntry& entry) {
  const Result<FileStat> stat = stat_at(directory, entry.name);
  if (!stat) return false;
  switch (entry.kind) {
    case EntryKind::kFile:
    case EntryKind::kExecutable:
      return stat->size == entry.size && BlobStore::is_intact(*stat, entry.digest, mode_of(entry));
    case EntryKind::kDirectory:
      return stat->kind == FileKind::kDirectory && (stat->permissions & S_IRWXU) == S_IRWXU;
    case EntryKind::kSymlink:
      return stat->kind == FileKind::kSymlink &&
             read_link_at(directory, entry.name) == entry.target;
  }
  return false;
}

Status remove_additional(int directory, const Tree& tree) {
  const Result<std::vector<DirectoryItem>> items = list_directory(directory, "a layout");
  if (!items) return tl::unexpected(items.error());
  for (const DirectoryItem& item : *items) {
    const bool cache = item.name == "__pycache__" && item.kind == FileKind::kDirectory;
    if (cache || tree.find(item.name) != nullptr) continue;
    if (Status removed = remove_tree_at(directory, item.name); !removed) return removed;
  }
  return {};
}

Status repair(BlobStore& blobs, int directory, const Tree& tree) {
  if (Status removed = remove_additional(directory, tree); !removed) return removed;
  for (const TreeEntry& entry : tree.entries()) {
    Status repaired;
    if (!is_as_placed(directory, entry)) {
      repaired = remove_tree_at(directory, entry.name);
      if (repaired) repaired = place(blobs, directory, entry);
    } else if (entry.kind == EntryKind::kDirectory) {
      const Result<UniqueFd> fd = open_directory_at(directory, entry.name);
      if (!fd) return tl::unexpected(fd.error());
      repaired = repair(blobs, fd->get(), *entry.tree);
    }
    if (!repaired) return repaired;
  }
  return {};
}

}  // namespace

Status lay_out(BlobStore& blobs, const std::string& directory, const Tree& tree) {
  if (::mkdir(directory.c_str(), 0755) != 0)
    return file_failure(errno, "make directory", directory);
  const Result<UniqueFd> fd = open_directory_at(AT_FDCWD, directory);
  if (!fd) return tl::unexpected(fd.error());
  return place_entries(blobs, fd->get(), tree);
}

Status patch_layout(BlobStore& blobs, const std::string& directory, const Tree& from,
                    const Tree& to) {
  const Result<UniqueFd> fd = open_directory_at(AT_FDCWD, directory);
  if (!fd) return tl::unexpected(fd.error());
  for (const TreeChange& change : diff(from, to)) {
    if (Status applied = apply(blobs, fd->get(), change); !applied) return applied;
  }
  return {};
}

Status repair_layout(BlobStore& blobs, const std::string& directory, const Tree& tree) {
  const Result<UniqueFd> fd = open_directory_at(AT_FDCWD, directory);
  if (!fd) return tl::unexpected(fd.error());
  return repair(blobs, fd->get(), tree);
}

}  // namespace leanto
