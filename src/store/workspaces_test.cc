#include "store/workspaces.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>

#include "store/tree_load.h"
#include "store/workspaces_layout.h"

namespace leanto {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

// Contents by path; "@target" is a link, "!text" an executable.
using Files = std::map<std::string, std::string>;

class WorkspacesTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "leanto-workspaces-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    top_ = name;
    blobs_.emplace(BlobStore::open((top_ / "blobs").string()).value());
    restart();
  }
  void TearDown() override { fs::remove_all(top_); }

  void restart() { workspaces_ = Workspaces::open((top_ / "layouts").string(), *blobs_).value(); }

  TreePtr tree(const Files& files, const std::string& prefix = "") {
    std::map<std::string, TreeEntry> entries;
    for (auto at = files.lower_bound(prefix); at != files.end() && at->first.starts_with(prefix);
         ++at) {
      const std::string rest = at->first.substr(prefix.size());
      const std::size_t slash = rest.find('/');
      TreeEntry entry{.name = rest.substr(0, slash)};
      if (entries.contains(entry.name)) continue;
      if (slash != std::string::npos) {
        entry.kind = EntryKind::kDirectory;
        entry.tree = tree(files, prefix + entry.name + "/");
      } else {
        fill(entry, at->second);
      }
      entries[entry.name] = entry;
    }
    std::vector<TreeEntry> list;
    for (auto& [name, entry] : entries) list.push_back(std::move(entry));
    TreePtr made = Tree::make(std::move(list));
    EXPECT_TRUE(blobs_->put(made->encoding()).has_value());
    return made;
  }

  void fill(TreeEntry& entry, const std::string& contents) {
    const char first = contents.empty() ? ' ' : contents.front();
    if (first == '@') {
      entry.kind = EntryKind::kSymlink;
      entry.target = contents.substr(1);
      entry.digest = Digest::of(entry.target);
      entry.size = entry.target.size();
      return;
    }
    if (first == '!') entry.kind = EntryKind::kExecutable;
    entry.digest = blobs_->put(contents).value();
    entry.size = contents.size();
  }

  // What lies in a layout, in the form of Files; caches left out.
  static Files read(const fs::path& path) {
    Files files;
    for (const auto& item : fs::recursive_directory_iterator(path)) {
      const std::string name = item.path().lexically_relative(path).string();
      if (name.find("__pycache__") != std::string::npos) continue;
      if (item.is_symlink())
        files[name] = "@" + fs::read_symlink(item.path()).string();
      else if (item.is_regular_file())
        files[name] = read_file(item.path()).value();
    }
    return files;
  }

  std::string acquire(const Files& files, const std::string& project = "p") {
    const Result<Workspace> workspace = workspaces_->acquire(project, tree(files));
    EXPECT_TRUE(workspace.has_value()) << workspace.error().message;
    if (!workspace) return "";
    EXPECT_EQ(read(workspace->path), files);
    return workspace->path;
  }
  void tidy() {
    for (int steps = 0; steps < 100; ++steps) {
      const Result<Tidied> tidied = workspaces_->tidy();
      ASSERT_TRUE(tidied.has_value()) << tidied.error().message;
      if (*tidied == Tidied::kNothingLeft) return;
    }
    FAIL() << "tidying never ends";
  }
  std::size_t layouts() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(top_ / "layouts"), {}));
  }
  static void overwrite(const fs::path& file, const std::string& contents) {
    fs::permissions(file, fs::perms::owner_write, fs::perm_options::add);
    std::ofstream(file) << contents;
  }

  const Files one_{{"main.py", "1"},
                   {"run", "!sh"},
                   {"link", "@pkg/a.py"},
                   {"pkg/a.py", "a"},
                   {"pkg/\xFF.txt", ""}};
  const Files two_{{"main.py", "2"},
                   {"run", "!sh"},
                   {"link", "@pkg/a.py"},
                   {"pkg/a.py", "a"},
                   {"pkg/\xFF.txt", ""}};

  fs::path top_;
  std::optional<BlobStore> blobs_;
  std::unique_ptr<Workspaces> workspaces_;
};

TEST_F(WorkspacesTest, FilesAreHardLinksOfTheirBlobs) {
  const std::string path = acquire(one_);
  EXPECT_EQ(stat_path(path + "/pkg/a.py")->inode,
            stat_path(blobs_->path_of(Digest::of("a")).value())->inode);
  EXPECT_TRUE(stat_path(path + "/run")->is_executable());
  EXPECT_FALSE(stat_path(path + "/main.py")->is_executable());
}

TEST_F(WorkspacesTest, TheSameDigestIsSharedWhileItIsInUse) {
  const std::string first = acquire(one_);
  EXPECT_EQ(acquire(one_), first);
  workspaces_->release(first);
  EXPECT_EQ(acquire(one_), first);
  EXPECT_NE(acquire(two_), first);
  EXPECT_NE(acquire(one_, "another project"), first);
}

TEST_F(WorkspacesTest, AnEditPatchesTheSpareAndKeepsItsCaches) {
  const std::string first = acquire(one_);
  tidy();
  EXPECT_EQ(layouts(), 2U);
  const std::string second = acquire(two_);
  EXPECT_NE(second, first);
  EXPECT_EQ(layouts(), 2U);
  fs::create_directory(first + "/pkg/__pycache__");
  std::ofstream(first + "/pkg/__pycache__/a.cpython-311.pyc") << "compiled";
  workspaces_->release(first);
  tidy();
  const Files three{{"main.py", "3"}, {"pkg/a.py", "a"}};
  EXPECT_EQ(acquire(three), first);
  EXPECT_EQ(read_file(first + "/pkg/__pycache__/a.cpython-311.pyc").value(), "compiled");
  EXPECT_EQ(layouts(), 2U);
}

TEST_F(WorkspacesTest, TheNearestCleanLayoutIsTheOneThatIsPatched) {
  const Files far{{"x", "1"}, {"y", "2"}};
  const std::string a = acquire(one_);
  const std::string b = acquire(far);
  workspaces_->release(a);
  workspaces_->release(b);
  tidy();
  EXPECT_EQ(acquire(two_), a);
}

TEST_F(WorkspacesTest, WhatUserCodeDidToALayoutIsUndoneBeforeItIsUsedAgain) {
  const fs::path path = acquire(one_);
  fs::create_directories(top_ / "precious");
  std::ofstream(top_ / "precious/keep") << "mine";
  std::ofstream(path / "output.log") << "text";
  fs::create_directories(path / "results/deep");
  fs::create_directory_symlink(top_ / "precious", path / "results/out");
  fs::remove(path / "main.py");
  fs::remove_all(path / "pkg");
  fs::create_directory_symlink(top_ / "precious", path / "pkg");
  fs::remove(path / "link");
  fs::create_symlink("elsewhere", path / "link");
  workspaces_->release(path);
  tidy();
  EXPECT_EQ(read(path), one_);
  EXPECT_EQ(read_file(top_ / "precious/keep").value(), "mine");
  EXPECT_EQ(acquire(one_), path);
}

TEST_F(WorkspacesTest, ALayoutReleasedAndNotTidiedIsRepairedOnTheWay) {
  const fs::path path = acquire(one_);
  fs::remove(path / "main.py");
  std::ofstream(path / "extra") << "";
  workspaces_->release(path);
  EXPECT_EQ(acquire(two_), path);
}

TEST_F(WorkspacesTest, AWriteThroughALinkIsAnErrorUntilTheBlobIsPutAgain) {
  const fs::path path = acquire(one_);
  overwrite(path / "pkg/a.py", "evil");
  workspaces_->release(path);
  tidy();
  EXPECT_EQ(layouts(), 0U);
  const TreePtr wanted = Tree::make(tree(two_)->entries());
  overwrite(blobs_->path_of(Digest::of("a")).value(), "evil");  // tree() had put it again
  const Result<Workspace> failed = workspaces_->acquire("p", wanted);
  ASSERT_FALSE(failed.has_value());
  EXPECT_EQ(failed.error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(layouts(), 0U);
  EXPECT_NE(acquire(two_), "");
}

TEST_F(WorkspacesTest, AtMostTwoIdleLayoutsOfAProjectAreKept) {
  std::vector<std::string> paths;
  for (const char* contents : {"1", "2", "3", "4", "5"})
    paths.push_back(acquire({{"f", contents}}));
  EXPECT_EQ(layouts(), 5U);
  for (const std::string& path : paths) workspaces_->release(path);
  tidy();
  EXPECT_EQ(layouts(), Workspaces::kMaxIdlePerProject);
  EXPECT_EQ(acquire({{"f", "5"}}), paths.back());
}

TEST_F(WorkspacesTest, IdleLayoutsOfManyProjectsAreBounded) {
  for (int i = 0; i < 40; ++i) {
    workspaces_->release(acquire({{"f", "1"}}, "project " + std::to_string(i)));
  }
  tidy();
  EXPECT_EQ(layouts(), Workspaces::kMaxIdle);
}

TEST_F(WorkspacesTest, AfterARestartCleanLayoutsAreFoundAndTheRestIsRemoved) {
  const std::string first = acquire(one_);
  workspaces_->release(first);
  tidy();
  const std::string in_use = acquire(two_, "q\nwith a line end");
  restart();
  EXPECT_EQ(acquire(two_), first);
  tidy();
  EXPECT_FALSE(fs::exists(in_use));
}

TEST_F(WorkspacesTest, ALayoutThatAWorkerStillRunsInCanBeAdoptedAfterARestart) {
  const std::string path = acquire(one_);
  restart();
  EXPECT_EQ(workspaces_->adopt(path)->digest, tree(one_)->digest());
  EXPECT_FALSE(workspaces_->adopt(path + "x").has_value());
  tidy();
  EXPECT_EQ(read(path), one_);
  EXPECT_EQ(acquire(one_), path);
}

TEST_F(WorkspacesTest, ADamagedStateFileOrAStrangeEntryIsRemoved) {
  const std::string path = acquire(one_);
  workspaces_->release(path);
  tidy();
  std::ofstream(fs::path(path).parent_path() / "state") << "leanto workspace 1\nclean\nnonsense";
  std::ofstream(top_ / "layouts/stray") << "";
  restart();
  tidy();
  EXPECT_EQ(layouts(), 0U);
}

TEST_F(WorkspacesTest, TakingAndTidyingInRandomOrderAlwaysGivesExactlyTheTreeAskedFor) {
  std::mt19937 random(5);
  std::vector<std::string> held;
  for (int round = 0; round < 300; ++round) {
    Files files;
    for (const char* name : {"a", "b/c", "b/d", "e/f/g", "e/f/h", "i"}) {
      if (random() % 4 != 0)
        files[name] = std::string(random() % 5 == 0 ? "!" : "") + std::to_string(random() % 3);
    }
    if (random() % 6 == 0) files = {{"b", "now a file"}, {"e", "@b"}};
    const std::string path = acquire(files);
    ASSERT_NE(path, "");
    held.push_back(path);
    while (held.size() > random() % 4) {
      const std::string gone = held.front();
      held.erase(held.begin());
      // What user code does to a layout is seen by all who share it, so only the last one does it.
      const bool shared = std::find(held.begin(), held.end(), gone) != held.end();
      if (!shared && random() % 3 == 0) std::ofstream(gone + "/junk") << "";
      if (!shared && random() % 3 == 0) fs::remove_all(gone + "/b");
      workspaces_->release(gone);
    }
    if (random() % 3 == 0) tidy();
  }
}

TEST_F(WorkspacesTest, LoadTreeGivesBackTheWholeTreeFromTheStore) {
  const TreePtr made = tree(one_);
  const Result<TreePtr> loaded = load_tree(*blobs_, made->digest());
  ASSERT_TRUE(loaded.has_value()) << loaded.error().message;
  EXPECT_EQ((*loaded)->digest(), made->digest());
  EXPECT_EQ((*loaded)->files(), 5U);
  EXPECT_TRUE(diff(*made, **loaded).empty());
  EXPECT_EQ(load_tree(*blobs_, Digest::of("absent")).error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(load_tree(*blobs_, Digest::of("a")).error().kind, ErrorKind::kProtocol);
}

TEST_F(WorkspacesTest, LoadTreeRefusesTreesThatLieAboutSizesOrNameMoreFilesThanADiskHolds) {
  const TreePtr inner = tree({{"f", "four"}});
  std::string lie =
      Tree::make({{.name = "d", .kind = EntryKind::kDirectory, .tree = inner}})->encoding();
  lie[lie.find('d', 14) + 33] ^= 1;  // the lowest byte of the size
  EXPECT_EQ(load_tree(*blobs_, blobs_->put(lie).value()).error().kind, ErrorKind::kProtocol);
  TreePtr bomb = inner;
  for (int level = 0; level < 30; ++level) {
    bomb = Tree::make({{.name = "a", .kind = EntryKind::kDirectory, .tree = bomb},
                       {.name = "b", .kind = EntryKind::kDirectory, .tree = bomb}});
    ASSERT_TRUE(blobs_->put(bomb->encoding()).has_value());
  }
  EXPECT_THAT(load_tree(*blobs_, bomb->digest()).error().message, HasSubstr("a tree of"));
}

}  // namespace
}  // namespace leanto
