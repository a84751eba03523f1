#include "store/source_index.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <filesystem>
#include <fstream>
#include <random>

namespace leanto {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

void list(const Tree& tree, const std::string& prefix, std::vector<std::string>& out) {
  for (const TreeEntry& entry : tree.entries()) {
    const std::string path = prefix + entry.name;
    if (entry.kind == EntryKind::kDirectory) {
      out.push_back(path + "/");
      list(*entry.tree, path + "/", out);
    } else {
      out.push_back(path + (entry.kind == EntryKind::kSymlink ? " -> " + entry.target : ""));
    }
  }
}

std::vector<std::string> paths_of(const Snapshot& snapshot) {
  std::vector<std::string> out;
  list(*snapshot.tree, "", out);
  return out;
}

class FarFuture final : public Clock {
 public:
  WallTime wall() const override {
    return std::chrono::system_clock::now() + std::chrono::hours(1);
  }
  MonotonicTime monotonic() const override { return std::chrono::steady_clock::now(); }
};

class Source : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "leanto-source-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    top_ = fs::canonical(name);
    root_ = top_ / "project";
    fs::create_directory(root_);
    blobs_.emplace(BlobStore::open((top_ / "blobs").string()).value());
    real_watch_ = make_file_watch().value();
    index_ = std::make_unique<SourceIndex>(root_.string(), *blobs_, *real_watch_, clock_);
  }
  void TearDown() override {
    index_.reset();
    fs::remove_all(top_);
  }

  void write(const std::string& path, std::string_view contents) {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path, std::ios::binary) << contents;
  }
  Snapshot refresh() {
    Result<Snapshot> snapshot = index_->refresh();
    EXPECT_TRUE(snapshot.has_value()) << snapshot.error().message;
    return snapshot.value_or(Snapshot{.digest = {}, .tree = Tree::make({})});
  }
  Error refresh_error() {
    const Result<Snapshot> snapshot = index_->refresh();
    EXPECT_FALSE(snapshot.has_value());
    return snapshot ? Error{} : snapshot.error();
  }
  Digest digest_from_nothing() {
    FakeFileWatch watch;
    SourceIndex fresh(root_.string(), *blobs_, watch, clock_);
    return fresh.refresh().value().digest;
  }

  SystemClock clock_;
  fs::path top_;
  fs::path root_;
  std::optional<BlobStore> blobs_;
  std::unique_ptr<FileWatch> real_watch_;
  std::unique_ptr<SourceIndex> index_;
};

TEST_F(Source, ASnapshotHoldsTheFilesTheLinksAndTheEmptyDirectories) {
  write("main.py", "print(1)");
  write("pkg/\xC3\xBC \xFF.txt", "x");
  write("run.sh", "#!/bin/sh");
  fs::permissions(root_ / "run.sh", fs::perms::owner_exec, fs::perm_options::add);
  fs::create_directory(root_ / "out");
  fs::create_symlink("pkg", root_ / "latest");
  const Snapshot snapshot = refresh();
  EXPECT_THAT(paths_of(snapshot), ElementsAre("latest -> pkg", "main.py", "out/", "pkg/",
                                              "pkg/\xC3\xBC \xFF.txt", "run.sh"));
  EXPECT_EQ(snapshot.files, 4U);
  EXPECT_EQ(snapshot.bytes, 8U + 1U + 9U + 3U);
  EXPECT_EQ(snapshot.tree->find("run.sh")->kind, EntryKind::kExecutable);
  EXPECT_EQ(blobs_->get(snapshot.tree->find("main.py")->digest).value(), "print(1)");
  EXPECT_EQ(blobs_->get(snapshot.digest).value(), snapshot.tree->encoding());
  EXPECT_EQ(index_->watching(), SourceWatching::kEvents);
}

TEST_F(Source, AnEditIsInTheNextSnapshotAndTheRestIsShared) {
  write("a/one.py", "1");
  write("b/two.py", "2");
  const Snapshot before = refresh();
  EXPECT_EQ(refresh().tree, before.tree);
  write("a/one.py", "1, edited");
  const Snapshot after = refresh();
  EXPECT_NE(after.digest, before.digest);
  EXPECT_EQ(after.tree->find("b")->tree, before.tree->find("b")->tree);
  EXPECT_EQ(after.tree->find("a")->tree->find("one.py")->digest, Digest::of("1, edited"));
}

TEST_F(Source, AnEditOfTheSameSizeRightAfterTheSnapshotIsSeen) {
  for (int i = 0; i < 200; ++i) {
    const std::string contents = std::to_string(1000 + i);
    write("racy.py", contents);
    ASSERT_EQ(refresh().tree->find("racy.py")->digest, Digest::of(contents));
  }
}

TEST_F(Source, WithoutEventsAnEditOfTheSameSizeRightAfterTheSnapshotIsSeenToo) {
  FakeFileWatch unwatchable;
  unwatchable.fail_next_adds({ErrorKind::kInvalid, "a network file system"});
  SourceIndex index(root_.string(), *blobs_, unwatchable, clock_);
  for (int i = 0; i < 200; ++i) {
    const std::string contents = std::to_string(1000 + i);
    write("racy.py", contents);
    ASSERT_EQ(index.refresh()->tree->find("racy.py")->digest, Digest::of(contents));
  }
  EXPECT_EQ(index.watching(), SourceWatching::kStats);
}

TEST_F(Source, IgnoreFilesCachesAndVirtualEnvironmentsKeepPathsAtHome) {
  write(".gitignore", "*.csv\n/data/\n");
  write(".leantoignore", "!small.csv\n");
  write("big.csv", "");
  write("small.csv", "");
  write("data/x", "");
  write("env/pyvenv.cfg", "");
  write("env/bin/python", "");
  write("__pycache__/m.pyc", "");
  write(".git/HEAD", "");
  write("sub/.gitignore", "!keep.csv\n");
  write("sub/keep.csv", "");
  EXPECT_THAT(paths_of(refresh()), ElementsAre(".gitignore", ".leantoignore", "small.csv", "sub/",
                                               "sub/.gitignore", "sub/keep.csv"));
  write(".gitignore", "");
  fs::remove(root_ / "env/pyvenv.cfg");
  EXPECT_THAT(
      paths_of(refresh()),
      ElementsAre(".gitignore", ".leantoignore", "big.csv", "data/", "data/x", "env/", "env/bin/",
                  "env/bin/python", "small.csv", "sub/", "sub/.gitignore", "sub/keep.csv"));
}

TEST_F(Source, GitsRulesFromOutsideTheRootCount) {
  fs::create_directories(top_ / ".git/info");
  std::ofstream(top_ / ".git/info/exclude") << "*.tmp\n";
  std::ofstream(top_ / ".gitignore") << "/project/out/\n";
  write("a.tmp", "");
  write("out/x", "");
  write("main.py", "");
  EXPECT_THAT(paths_of(refresh()), ElementsAre("main.py"));
  std::ofstream(top_ / ".gitignore") << "";
  EXPECT_THAT(paths_of(refresh()), ElementsAre("main.py", "out/", "out/x"));
}

TEST_F(Source, AbsoluteLinksWithinTheRootBecomeRelativeAndLinksThatLeadOutAreRefused) {
  write("pkg/data.txt", "");
  fs::create_symlink(root_ / "pkg/data.txt", root_ / "pkg/inside");
  fs::create_symlink("nowhere", root_ / "dangling");
  EXPECT_THAT(paths_of(refresh()), ElementsAre("dangling -> nowhere", "pkg/", "pkg/data.txt",
                                               "pkg/inside -> ../pkg/data.txt"));
  fs::create_symlink("../../blobs", root_ / "pkg/out");
  const Error error = refresh_error();
  EXPECT_EQ(error.kind, ErrorKind::kSnapshot);
  EXPECT_THAT(error.message, HasSubstr("pkg/out: it is a link to ../../blobs, which is outside"));
  EXPECT_THAT(error.message, HasSubstr("\n  /pkg/out"));
  write(".leantoignore", "/pkg/out\n");
  EXPECT_EQ(refresh().files, 4U);
}

TEST_F(Source, ALinkThatLeadsOutOnlyThroughAnotherLinkIsRefused) {
  write("x/y/f", "");
  fs::create_symlink("../..", root_ / "x/y/up");
  EXPECT_EQ(refresh().files, 2U);
  fs::create_symlink("x/y/up/../escape", root_ / "sly");
  EXPECT_THAT(refresh_error().message, HasSubstr("sly: it is a link to"));
}

TEST_F(Source, ANamedPipeIsNamedInTheErrorUntilItIsGoneOrIgnored) {
  write("main.py", "");
  ASSERT_EQ(::mkfifo((root_ / "pipe").c_str(), 0600), 0);
  EXPECT_THAT(refresh_error().message, HasSubstr("pipe: it is a socket, a named pipe or a device"));
  EXPECT_EQ(refresh_error().kind, ErrorKind::kSnapshot);
  write(".leantoignore", "/pipe\n");
  EXPECT_EQ(refresh().files, 2U);
  write(".leantoignore", "");
  EXPECT_FALSE(index_->refresh().has_value());
  fs::remove(root_ / "pipe");
  EXPECT_EQ(refresh().files, 2U);
}

TEST_F(Source, AnUnreadableFileIsNamedInTheError) {
  if (::geteuid() == 0) GTEST_SKIP() << "root reads everything";
  write("secret", "");
  fs::permissions(root_ / "secret", fs::perms::none);
  EXPECT_THAT(refresh_error().message, HasSubstr("secret: it may not be read"));
  fs::permissions(root_ / "secret", fs::perms::owner_read);
  EXPECT_EQ(refresh().files, 1U);
}

TEST_F(Source, AboveTheLimitsTheLargestDirectoriesAreNamedAndNothingIsStored) {
  SourceIndex small(root_.string(), *blobs_, *real_watch_, clock_, {.files = 10, .bytes = 1000});
  for (int i = 0; i < 8; ++i) write("data/raw/" + std::to_string(i), "x");
  write("weights.bin", std::string(2000, 'w'));
  const Result<Snapshot> snapshot = small.refresh();
  ASSERT_FALSE(snapshot.has_value());
  EXPECT_EQ(snapshot.error().kind, ErrorKind::kSnapshot);
  EXPECT_THAT(snapshot.error().message, HasSubstr("The largest:\n  weights.bin: 2 KB"));
  EXPECT_THAT(snapshot.error().message, HasSubstr("\n  /weights.bin"));
  EXPECT_FALSE(blobs_->contains(Digest::of("x")));
  fs::remove(root_ / "weights.bin");
  EXPECT_TRUE(small.refresh().has_value());
  for (int i = 0; i < 200; ++i) write("data/more/" + std::to_string(i), "y");
  EXPECT_THAT(small.refresh().error().message, HasSubstr("data/"));
  fs::remove_all(root_ / "data/more");
  EXPECT_TRUE(small.refresh().has_value());
}

TEST_F(Source, ARootThatVanishesIsAnErrorAndOneThatComesBackIsReadAfresh) {
  write("a.py", "1");
  (void)refresh();
  fs::rename(root_, top_ / "moved");
  EXPECT_THAT(refresh_error().message, HasSubstr("is not there any more"));
  write("b.py", "2");
  EXPECT_THAT(paths_of(refresh()), ElementsAre("b.py"));
}

TEST_F(Source, AfterAnOverflowEverythingIsLookedAt) {
  FakeFileWatch fake;
  SourceIndex index(root_.string(), *blobs_, fake, clock_);
  write("a/one.py", "1");
  ASSERT_TRUE(index.refresh().has_value());
  write("a/two.py", "2");
  EXPECT_EQ(index.refresh()->files, 1U);  // the fake has said nothing
  fake.overflow();
  EXPECT_EQ(index.refresh()->files, 2U);
}

TEST_F(Source, WatchesAreGivenBackWhenDirectoriesGoAndAllOfThemWhenTheyRunOut) {
  FakeFileWatch fake;
  SourceIndex index(root_.string(), *blobs_, fake, clock_);
  write("a/b/one.py", "1");
  ASSERT_TRUE(index.refresh().has_value());
  EXPECT_EQ(fake.watching(), 3U);
  fs::remove_all(root_ / "a");
  fake.touch(root_.string(), "a");
  EXPECT_EQ(index.refresh()->files, 0U);
  EXPECT_EQ(fake.watching(), 1U);
  fake.fail_next_adds({ErrorKind::kCapacity, "no more watches"});
  write("c/two.py", "2");
  fake.touch(root_.string(), "c");
  EXPECT_EQ(index.refresh()->files, 1U);
  EXPECT_EQ(index.watching(), SourceWatching::kStats);
  EXPECT_EQ(fake.watching(), 0U);
  write("c/three.py", "3");
  EXPECT_EQ(index.refresh()->files, 2U);
}

TEST_F(Source, AfterAResetEveryFileIsStoredAgain) {
  const FarFuture later;  // in which no file counts as just written
  SourceIndex index(root_.string(), *blobs_, *real_watch_, later);
  write("a.py", "contents");
  const Digest digest = index.refresh()->tree->find("a.py")->digest;
  fs::remove(blobs_->path_of(digest).value());
  ASSERT_TRUE(index.refresh().has_value());
  EXPECT_FALSE(blobs_->contains(digest));
  index.reset();
  ASSERT_TRUE(index.refresh().has_value());
  EXPECT_TRUE(blobs_->contains(digest));
}

// Whatever is done to the tree, in whatever order, looking at the changes gives what looking at
// everything gives.
TEST_F(Source, RandomChangesLeadToTheSameSnapshotAsAFreshIndex) {
  std::mt19937 random(99);
  const auto below = [&](std::size_t bound) { return random() % bound; };
  const auto path = [&] {
    std::string out;
    for (std::size_t n = 1 + below(3); n > 0; --n)
      out += (out.empty() ? "" : "/") + std::string(1, "abcd"[below(4)]);
    return out;
  };
  std::error_code ignored;
  for (int round = 0; round < 400; ++round) {
    for (std::size_t n = below(6); n > 0; --n) {
      const fs::path one = root_ / path();
      const fs::path other = root_ / path();
      switch (below(8)) {
        case 0:
          fs::remove_all(one, ignored);
          break;
        case 1:
        case 2:
          fs::rename(one, other, ignored);
          break;
        case 3:
          fs::create_directories(one, ignored);
          break;
        case 4:
          std::ofstream(one.parent_path() / ".gitignore") << "abcd"[below(4)] << "\n";
          break;
        case 5:
          if (below(4) == 0)
            fs::create_symlink("a", one, ignored);
          else if (below(4) == 0)
            std::ofstream(one.parent_path() / "pyvenv.cfg") << "";
          else
            fs::remove(one.parent_path() / "pyvenv.cfg", ignored);
          break;
        default:
          fs::create_directories(one.parent_path(), ignored);
          std::ofstream(one) << below(1000);
      }
    }
    if (below(3) == 0) continue;  // several rounds at once
    const Result<Snapshot> snapshot = index_->refresh();
    ASSERT_TRUE(snapshot.has_value()) << snapshot.error().message;
    ASSERT_EQ(snapshot->digest, digest_from_nothing()) << "round " << round;
  }
}

}  // namespace
}  // namespace leanto
