// The current state of a project as a snapshot: a Tree whose files and trees are all in the
// BlobStore.
//
// refresh() looks only at what may have changed. With inotify that is what the kernel says: every
// edit made before the call is in the answer, nothing runs between calls, and a call after which
// nothing has changed costs microseconds. Where inotify can't tell (network and fuse file systems,
// watches run out) it compares the stat of every file instead. Files are read only if size, times
// or inode differ.
//
// What travels: what git would track or list as untracked. `.gitignore` and `.leantoignore` of
// every directory count, those of git outside the root too (not git's global excludes file);
// `.git`, caches and virtual environments never travel, empty directories do. A symbolic link
// travels if it leads to something within the root; one given as an absolute path is made relative.
//
// Known gaps, all inotify's: a write through a shared memory mapping is seen when the file is
// closed, a write through another hard link of the file is not seen, nor is a change below a mount
// point whose file system another machine writes to.
//
// Blocking; one caller at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "os/watch.h"
#include "store/blobs.h"
#include "store/source_scan.h"
#include "store/tree.h"

namespace leanto {

struct SnapshotLimits {
  std::uint64_t files = 50'000;
  std::uint64_t bytes = 512'000'000;

  friend bool operator==(const SnapshotLimits&, const SnapshotLimits&) = default;
};

struct Snapshot {
  Digest digest;
  TreePtr tree;
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
};

enum class SourceWatching : std::uint8_t { kEvents, kStats };

class SourceIndex {
 public:
  // `root` is absolute. The watch is this index's alone. Looks at nothing yet.
  SourceIndex(std::string root, BlobStore& blobs, FileWatch& watch, const Clock& clock,
              SnapshotLimits limits = {});

  // kSnapshot if the tree can't travel: the message names the files and the lines to add to
  // .leantoignore. The next call tries again. kCapacity: the store's disk is full.
  Result<Snapshot> refresh();

  // Forgets everything, so that the next refresh() reads and stores every file again: after a blob
  // was found missing.
  void reset();

  SourceWatching watching() const;

 private:
  Status find_root();
  Status look();
  Status check_limits() const;
  Status check_problems() const;
  Status read_everything_unread();
  Status read_unread();
  Result<TreePtr> make_tree(SourceDirectory& directory);
  Failure too_large() const;

  std::string root_;
  BlobStore& blobs_;
  FileWatch& watch_;
  const Clock& clock_;
  SnapshotLimits limits_;
  std::optional<FileStat> root_stat_;
  std::unique_ptr<SourceScan> scan_;
  bool looked_ = false;  // at everything, at least once
  std::set<std::string>
      fresh_;  // files changed so recently that a change might not show in their stat
};

}  // namespace leanto
