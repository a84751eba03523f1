// Snapshots laid out for workers, such that an edit of one file in ten thousand costs one link.
//
// A layout is one project's tree on the disk (workspaces_layout.h) and moves between these states:
//
//   nothing ──lay out──▶ clean ──acquire──▶ in use ──last release──▶ touched ──tidy: repair──▶
//   clean
//                          │                   ▲
//                          └─acquire: patch────┘        any failure, at any point ──▶ removed
//
// Only a clean layout is patched into another digest; tidy() sees to it that a project with a
// layout in use has a clean one beside it, so the next edit finds it. `__pycache__` directories
// stay through all of this: unchanged modules are not compiled again (blobs.h says why a .pyc can't
// be stale).
//
// On disk: DIRECTORY/NUMBER/files is the layout and DIRECTORY/NUMBER/state says "clean" or "used",
// the digest and the project. While a layout is made or patched there is no state file, so that a
// crash at any step leaves something that is recognised and removed. After a restart clean layouts
// are found again (and checked before their first use); those that were in use can be adopted until
// the first tidy(), which removes the others.
//
// Blocking; one caller at a time; one process to a directory. The same file system as the
// BlobStore.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/blobs.h"
#include "store/tree.h"

namespace leanto {

struct Workspace {
  std::string path;
  Digest digest;
};

enum class Tidied : std::uint8_t { kNothingLeft, kMoreToDo };

class Workspaces {
 public:
  static Result<std::unique_ptr<Workspaces>> open(std::string directory, BlobStore& blobs);
  Workspaces(const Workspaces&) = delete;
  Workspaces& operator=(const Workspaces&) = delete;

  // A layout of the tree, good until release(). The same digest of the same project in use already
  // is shared. kNotFound: a blob is missing or damaged, put it again. kCapacity: disk full. After
  // an error nothing is held.
  Result<Workspace> acquire(const std::string& project, const TreePtr& tree);

  // After a restart: takes over a layout that a worker of the daemon before still runs in.
  Result<Workspace> adopt(const std::string& path);

  // Once for each acquire() and adopt(), when nothing runs in it any more.
  void release(const std::string& path);

  // One step of the work that can wait, at most one layout's worth; call it while nothing else is
  // to do, until it says that nothing is left. After an error, call it again not before something
  // has changed.
  Result<Tidied> tidy();

  static constexpr std::size_t kMaxIdlePerProject = 2;
  static constexpr std::size_t kMaxIdle = 32;

 private:
  enum class State : std::uint8_t { kClean, kInUse, kTouched };
  struct Layout {
    std::uint64_t number = 0;
    std::string project;
    Digest digest;
    TreePtr tree;  // null if found after a restart and not asked for yet
    State state = State::kTouched;
    int leases = 0;
    std::uint64_t last_used = 0;  // by clock_
  };

  Workspaces(std::string directory, BlobStore& blobs)
      : directory_(std::move(directory)), blobs_(blobs) {}

  Status find_leftovers();
  void take_up_leftover(const std::string& name);
  std::string home_of(std::uint64_t number) const;
  std::string path_of(const Layout& layout) const { return home_of(layout.number) + "/files"; }
  Result<Workspace> use(Layout& layout);
  Status write_state(const Layout& layout, std::string_view state) const;
  Status make_unrecognisable(const Layout& layout) const;

  Layout* find(const std::string& project, const Digest& digest, State state);
  Layout* find_nearest(const std::string& project, const Tree& tree, State state);
  Result<Layout*> lay_out_new(const std::string& project, const TreePtr& tree);
  Status patch(Layout& layout, const TreePtr& tree);
  Status repair(Layout& layout);
  Status load(Layout& layout);
  Status remove(Layout& layout);

  Layout* find_surplus();
  Layout* find_without_spare();
  bool is_idle(const Layout& layout) const { return layout.state != State::kInUse; }

  std::string directory_;
  BlobStore& blobs_;
  std::list<Layout> layouts_;
  std::vector<std::string> leftovers_;  // names in the directory
  std::uint64_t next_number_ = 1;
  std::uint64_t clock_ = 0;
};

}  // namespace leanto
