#include "store/copy_out.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "os/temporary_directory.h"

namespace leanto {
namespace {

namespace fs = std::filesystem;

struct CopyOut : testing::Test {
  Digest put(std::string_view bytes) { return blobs.put(bytes).value(); }
  static std::string read(const fs::path& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  TemporaryDirectory top;
  BlobStore blobs = BlobStore::open((top / "blobs").string()).value();
  TreePtr package = Tree::make({{"a.py", EntryKind::kFile, put("a = 1\n"), 6}});
  TreePtr tree =
      Tree::make({{"link", EntryKind::kSymlink, put("main.py"), 7, "main.py"},
                  {"main.py", EntryKind::kExecutable, put("import p\n"), 9},
                  {"p", EntryKind::kDirectory, put(package->encoding()), 6, "", package}});
};

TEST_F(CopyOut, GivesFilesOfOnesOwn) {
  const std::string directory = (top / "copy").string();
  const Status copied = copy_out(blobs, directory, *tree);
  ASSERT_TRUE(copied) << copied.error().message;
  EXPECT_EQ(read(top / "copy/main.py"), "import p\n");
  EXPECT_EQ(fs::read_symlink(top / "copy/link"), "main.py");
  EXPECT_FALSE(fs::exists(top / "copy.copy"));
  for (const char* file : {"copy/main.py", "copy/p/a.py"}) {
    EXPECT_EQ(fs::hard_link_count(top / file), 1u) << file;
    EXPECT_NE(fs::status(top / file).permissions() & fs::perms::owner_write, fs::perms::none);
  }
  EXPECT_NE(fs::status(top / "copy/main.py").permissions() & fs::perms::owner_exec,
            fs::perms::none);
}

TEST_F(CopyOut, LeavesTheBlobsAloneWhenACopyIsChanged) {
  ASSERT_TRUE(copy_out(blobs, (top / "first").string(), *tree));
  std::ofstream(top / "first/p/a.py") << "broken";
  ASSERT_TRUE(copy_out(blobs, (top / "second").string(), *tree));
  EXPECT_EQ(read(top / "second/p/a.py"), "a = 1\n");
}

TEST_F(CopyOut, NeedsAllOfTheTree) {
  const TreePtr lacking = Tree::make({{"a.py", EntryKind::kFile, Digest::of("nobody has it"), 13}});
  const Status copied = copy_out(blobs, (top / "copy").string(), *lacking);
  ASSERT_FALSE(copied);
  EXPECT_EQ(copied.error().kind, ErrorKind::kNotFound);
}

}  // namespace
}  // namespace leanto
