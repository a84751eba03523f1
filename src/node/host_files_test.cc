#include "node/host_files.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "os/files.h"
#include "os/temporary_directory.h"

namespace leanto::node {
namespace {

class HostFilesTest : public testing::Test {
 protected:
  std::string path(const std::string& name) const { return (directory_.path() / name).string(); }
  TemporaryDirectory directory_;
};

TEST_F(HostFilesTest, AFileComesInPiecesAndAppearsWhole) {
  ASSERT_TRUE(write_piece(path("f"), 0, "first ", false, 0));
  EXPECT_FALSE(std::filesystem::exists(path("f")));
  ASSERT_TRUE(write_piece(path("f"), 6, "second", true, 0750));
  EXPECT_EQ(read_file(path("f")).value(), "first second");
  struct stat found{};
  ASSERT_EQ(::stat(path("f").c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777, 0750u);
  EXPECT_FALSE(std::filesystem::exists(path("f") + ".leanto-part"));
}

TEST_F(HostFilesTest, TheOldFileStaysUntilTheNewOneIsWhole) {
  ASSERT_TRUE(write_piece(path("f"), 0, "old", true, 0));
  ASSERT_TRUE(write_piece(path("f"), 0, "ne", false, 0));
  EXPECT_EQ(read_file(path("f")).value(), "old");
  ASSERT_TRUE(write_piece(path("f"), 2, "w", true, 0));
  EXPECT_EQ(read_file(path("f")).value(), "new");
}

TEST_F(HostFilesTest, APieceThatIsMissingIsNoticed) {
  ASSERT_TRUE(write_piece(path("f"), 0, "12", false, 0));
  EXPECT_EQ(write_piece(path("f"), 3, "4", true, 0).error().kind, ErrorKind::kInvalid);
}

TEST_F(HostFilesTest, AFileIsReadInPieces) {
  ASSERT_TRUE(write_piece(path("f"), 0, "0123456789", true, 0600));
  const Result<FilePiece> piece = read_piece(path("f"), 4, 3);
  ASSERT_TRUE(piece);
  EXPECT_EQ(piece->bytes, "456");
  EXPECT_EQ(piece->file_size, 10u);
  EXPECT_EQ(piece->mode, 0600u);
  EXPECT_EQ(read_piece(path("f"), 8, 100)->bytes, "89");
  EXPECT_EQ(read_piece(path("f"), 10, 100)->bytes, "");
}

TEST_F(HostFilesTest, WhatCannotBeIsSaid) {
  EXPECT_EQ(read_piece(path("none"), 0, 1).error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(read_piece(directory_.path().string(), 0, 1).error().kind, ErrorKind::kInvalid);
  EXPECT_EQ(read_piece("", 0, 1).error().kind, ErrorKind::kInvalid);
  EXPECT_EQ(write_piece(path("no/such/f"), 0, "x", true, 0).error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(write_piece(directory_.path().string(), 0, "x", true, 0).error().kind,
            ErrorKind::kInvalid);
}

TEST_F(HostFilesTest, ALinkInTheWayIsNotFollowed) {
  ASSERT_TRUE(write_piece(path("victim"), 0, "mine", true, 0));
  std::filesystem::create_symlink(path("victim"), path("f") + ".leanto-part");
  EXPECT_FALSE(write_piece(path("f"), 0, "x", true, 0));
  EXPECT_EQ(read_file(path("victim")).value(), "mine");
}

}  // namespace
}  // namespace leanto::node
