#include "os/files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

namespace leanto {
namespace {

namespace fs = std::filesystem;

class Files : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "leanto-files-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    root_ = name;
  }
  void TearDown() override { fs::remove_all(root_); }
  std::string at(const std::string& name) const { return (root_ / name).string(); }

  fs::path root_;
};

TEST_F(Files, WrittenFilesAreReadBackAndNoOtherIsLeft) {
  const std::string bytes("a\0b\n", 4);
  for (const Durability durability : {Durability::kPageCache, Durability::kDisk}) {
    ASSERT_TRUE(write_file_atomically(at("f"), bytes, 0600, durability).has_value());
    EXPECT_EQ(read_file(at("f")).value(), bytes);
  }
  EXPECT_EQ(stat_path(at("f"))->permissions, 0600U);
  EXPECT_EQ(std::distance(fs::directory_iterator(root_), {}), 1);
}

TEST_F(Files, ErrorsNameTheFileAndHaveTheFittingKind) {
  const Error error = read_file(at("absent")).error();
  EXPECT_EQ(error,
            (Error{ErrorKind::kNotFound, "open " + at("absent") + ": No such file or directory"}));
  EXPECT_EQ(write_file_atomically(at("no/where"), "").error().kind, ErrorKind::kNotFound);
}

TEST_F(Files, FilesOfUnknownSizeAreReadToTheirEnd) {
  EXPECT_THAT(read_file("/proc/self/status").value(), testing::HasSubstr("Pid:"));
}

TEST_F(Files, DirectoriesAreMadeWithThoseAboveThem) {
  ASSERT_TRUE(make_directories(at("a/b/c")).has_value());
  ASSERT_TRUE(make_directories(at("a/b/c")).has_value());
  EXPECT_TRUE(fs::is_directory(root_ / "a/b/c"));
  std::ofstream(root_ / "file") << "";
  EXPECT_FALSE(make_directories(at("file")).has_value());
  EXPECT_FALSE(make_directories(at("file/x")).has_value());
}

TEST_F(Files, AListingSaysWhatEachEntryIs) {
  std::ofstream(root_ / "f") << "";
  fs::create_directory(root_ / "d");
  fs::create_symlink("f", root_ / "l");
  const UniqueFd fd = open_directory_at(AT_FDCWD, root_.string()).value();
  auto items = list_directory(fd.get(), root_.string()).value();
  std::sort(items.begin(), items.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  ASSERT_EQ(items.size(), 3U);
  EXPECT_EQ(items[0].kind, FileKind::kDirectory);
  EXPECT_EQ(items[1].kind, FileKind::kRegular);
  EXPECT_EQ(items[2].kind, FileKind::kSymlink);
  EXPECT_EQ(read_link_at(fd.get(), "l").value(), "f");
  EXPECT_EQ(list_directory(fd.get(), "again").value().size(), 3U);
  EXPECT_EQ(open_directory_at(fd.get(), "l").error().kind, ErrorKind::kNotFound);
}

TEST_F(Files, RemovingATreeNeverFollowsALinkAndOpensUpLockedDirectories) {
  fs::create_directories(root_ / "outside");
  std::ofstream(root_ / "outside/keep") << "";
  fs::create_directories(root_ / "tree/locked/inner");
  std::ofstream(root_ / "tree/locked/inner/f") << "";
  fs::create_directory_symlink(root_ / "outside", root_ / "tree/link");
  fs::permissions(root_ / "tree/locked/inner", fs::perms::none);
  fs::permissions(root_ / "tree/locked", fs::perms::none);
  ASSERT_TRUE(remove_tree(at("tree")).has_value());
  EXPECT_FALSE(fs::exists(root_ / "tree"));
  EXPECT_TRUE(fs::exists(root_ / "outside/keep"));
  EXPECT_TRUE(remove_tree(at("tree")).has_value());
}

TEST_F(Files, AStatChangesWithTheFile) {
  std::ofstream(root_ / "f") << "1";
  const FileStat before = stat_path(at("f")).value();
  EXPECT_EQ(stat_path(at("f")).value(), before);
  fs::permissions(root_ / "f", fs::perms::owner_exec, fs::perm_options::add);
  EXPECT_NE(stat_path(at("f")).value(), before);
  EXPECT_TRUE(stat_path(at("f"))->is_executable());
}

TEST(UniqueFd, ClosesWhatItOwnsOnceAndGivesItAway) {
  UniqueFd one(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const int number = one.get();
  UniqueFd other = std::move(one);
  EXPECT_EQ(one.get(), -1);
  EXPECT_EQ(other.get(), number);
  EXPECT_EQ(other.release(), number);
  EXPECT_FALSE(other);
  other.reset(number);
  other.reset();
  EXPECT_EQ(::fcntl(number, F_GETFD), -1);
}

}  // namespace
}  // namespace leanto
