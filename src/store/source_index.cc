#include "store/source_index.h"

#include <fcntl.h>

#include <chrono>
#include <filesystem>
#include <utility>
#include <vector>

#include "store/source_scan_report.h"

namespace leanto {

namespace {

// Two writes within one tick of the kernel's clock leave the same times.
constexpr std::int64_t kTick = 20'000'000;
constexpr int kRounds = 3;
// A walk that has seen this many times the limit has seen enough to say what is too large.
constexpr std::uint64_t kPatience = 10;

std::int64_t now_of(const Clock& clock) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(clock.wall().time_since_epoch())
      .count();
}

TreeEntry entry_of(const std::string& name, const SourceFile& file) {
  return {.name = name,
          .kind = file.kind,
          .digest = file.digest,
          .size = file.stat.size,
          .target = file.target};
}

}  // namespace

SourceIndex::SourceIndex(std::string root, BlobStore& blobs, FileWatch& watch, const Clock& clock,
                         SnapshotLimits limits)
    : root_(std::move(root)), blobs_(blobs), watch_(watch), clock_(clock), limits_(limits) {}

void SourceIndex::reset() {
  scan_.reset();
  fresh_.clear();
  looked_ = false;
}

SourceWatching SourceIndex::watching() const {
  return scan_ != nullptr && scan_->is_watching() ? SourceWatching::kEvents
                                                  : SourceWatching::kStats;
}

Result<Snapshot> SourceIndex::refresh() {
  if (Status found = find_root(); !found) return tl::unexpected(found.error());
  if (Status looked = look(); !looked) {
    const Failure reason = too_large();
    reset();  // what was seen so far is not worth its memory and its watches
    return reason;
  }
  Status ready = check_limits();
  if (ready) ready = check_problems();
  if (ready) ready = read_everything_unread();
  if (!ready) return tl::unexpected(ready.error());
  const Result<TreePtr> tree = make_tree(scan_->root());
  if (!tree) return tl::unexpected(tree.error());
  if ((*tree)->depth() > Tree::kMaxDepth) {
    return fail(ErrorKind::kSnapshot,
                "the project {} has directories nested deeper than {}; add the one "
                "where that begins to .leantoignore",
                shown_path(root_), Tree::kMaxDepth);
  }
  return Snapshot{.digest = (*tree)->digest(),
                  .tree = *tree,
                  .files = (*tree)->files(),
                  .bytes = (*tree)->bytes()};
}

Status SourceIndex::find_root() {
  std::error_code error;
  const std::string canonical = std::filesystem::canonical(root_, error).string();
  const Result<FileStat> stat = stat_path(error ? root_ : canonical);
  if (error || !stat || stat->kind != FileKind::kDirectory) {
    reset();
    return fail(ErrorKind::kSnapshot,
                "the project directory {} is not there any more; go back to it or "
                "send the code from where it is now",
                shown_path(root_));
  }
  const bool same =
      root_stat_ && root_stat_->inode == stat->inode && root_stat_->device == stat->device;
  if (!same) reset();
  root_stat_ = *stat;
  if (scan_ == nullptr)
    scan_ = std::make_unique<SourceScan>(canonical, watch_, limits_.files * kPatience);
  return {};
}

Status SourceIndex::look() {
  // A root that may not be read is not watched either.
  const bool by_events = looked_ && scan_->is_watching() && scan_->rules_are_current() &&
                         !scan_->problems().contains("");
  const Status status = by_events ? scan_->look_at_changes() : scan_->look_at_everything();
  looked_ = status.has_value();
  for (const std::string& path : std::exchange(fresh_, {})) scan_->read_again(path);
  return status;
}

Status SourceIndex::check_limits() const {
  if (scan_->files() <= limits_.files && scan_->bytes() <= limits_.bytes) return {};
  return too_large();
}

Failure SourceIndex::too_large() const {
  return fail(ErrorKind::kSnapshot, "{}", limit_report(*scan_, limits_.files, limits_.bytes));
}

Status SourceIndex::check_problems() const {
  std::map<std::string, std::string> problems = scan_->problems();
  for (const std::string& path : scan_->links()) {
    if (std::optional<std::string> why = why_link_cannot_travel(*scan_, path))
      problems[path] = *why;
  }
  if (problems.empty()) return {};
  return fail(ErrorKind::kSnapshot, "{}", problem_report(*scan_, problems));
}

// While files are read, others may turn up: in the place of a link, for example.
Status SourceIndex::read_everything_unread() {
  for (int left = kRounds; left > 0; --left) {
    if (scan_->unread().empty()) return {};
    if (Status read = read_unread(); !read) return read;
  }
  if (scan_->unread().empty()) return {};
  return fail(ErrorKind::kSnapshot,
              "read {}: it keeps changing; try again when its writer is done, or add "
              "it to .leantoignore",
              shown_path(*scan_->unread().begin()));
}

Status SourceIndex::read_unread() {
  std::map<std::string, std::string> problems;
  const std::set<std::string> paths = scan_->unread();
  for (const std::string& path : paths) {
    const std::int64_t now = now_of(clock_);
    const Result<BlobStore::Ingested> read = blobs_.ingest(scan_->absolute(path));
    if (read) {
      scan_->set_contents(path, read->digest, read->stat);
      if (read->stat.ctime_ns > now - kTick) fresh_.insert(path);
    } else if (read.error().kind == ErrorKind::kNotFound) {
      scan_->forget(path);
    } else if (read.error().kind == ErrorKind::kAccessDenied) {
      problems[path] = "it may not be read";
    } else if (read.error().kind == ErrorKind::kInvalid) {
      if (Status looked = scan_->look_at(path); !looked) return looked;  // not a file any more
    } else {
      return tl::unexpected(read.error());
    }
  }
  if (problems.empty()) return {};
  return fail(ErrorKind::kSnapshot, "{}", problem_report(*scan_, problems));
}

// The trees whose directories have changed; the others are still there.
Result<TreePtr> SourceIndex::make_tree(SourceDirectory& directory) {
  if (directory.tree != nullptr) return directory.tree;
  std::vector<TreeEntry> entries;
  for (const auto& [name, file] : directory.files) entries.push_back(entry_of(name, file));
  for (const auto& [name, below] : directory.directories) {
    if (below->environment) continue;
    const Result<TreePtr> tree = make_tree(*below);
    if (!tree) return tree;
    entries.push_back({.name = name, .kind = EntryKind::kDirectory, .tree = *tree});
  }
  TreePtr tree = Tree::make(std::move(entries));
  if (const Result<Digest> stored = blobs_.put(tree->encoding()); !stored) {
    return tl::unexpected(stored.error());
  }
  directory.tree = tree;
  return tree;
}

}  // namespace leanto
