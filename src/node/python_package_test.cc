#include "node/python_package.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <optional>

#include "base/embedded.h"
#include "os/full_disk.h"
#include "os/temporary_directory.h"

namespace leanto::node {
namespace {

namespace fs = std::filesystem;

std::string read_text(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

struct PythonPackageTest : testing::Test {
  PythonPackageTest() {
    directories.cache = temporary / "cache";
    fs::create_directories(directories.cache);
  }

  TemporaryDirectory temporary;
  Directories directories;
};

TEST_F(PythonPackageTest, LiesThereAsItIsInTheBinary) {
  ASSERT_TRUE(unpack_python_package(directories).has_value());
  const fs::path directory = package_directory(directories);
  EXPECT_EQ(directory.parent_path(), directories.cache / "python");
  ASSERT_FALSE(embedded::python_package().empty());
  for (const embedded::EmbeddedFile& file : embedded::python_package()) {
    EXPECT_TRUE(read_text(directory / "leanto" / file.path) == file.contents) << file.path;
  }
  EXPECT_TRUE(fs::exists(directory / "leanto" / "worker" / "zygote.py"));
  EXPECT_EQ(std::distance(fs::directory_iterator(directory.parent_path()), {}), 1)
      << "nothing half-written is left";
}

TEST_F(PythonPackageTest, IsLeftAloneWhenItIsThere) {
  ASSERT_TRUE(unpack_python_package(directories).has_value());
  const fs::path file = package_directory(directories) / "leanto" / "__init__.py";
  const auto before = fs::last_write_time(file);
  ASSERT_TRUE(unpack_python_package(directories).has_value());
  EXPECT_EQ(fs::last_write_time(file), before);
}

TEST_F(PythonPackageTest, ReplacesWhatAnInterruptedAttemptLeft) {
  const fs::path left = directories.cache / "python" / (".new-" + std::to_string(::getpid()));
  fs::create_directories(left / "leanto");
  std::ofstream(left / "leanto" / "stale.py") << "stale";
  ASSERT_TRUE(unpack_python_package(directories).has_value());
  EXPECT_FALSE(fs::exists(package_directory(directories) / "leanto" / "stale.py"));
}

TEST_F(PythonPackageTest, SaysWhichFileCannotBeWritten) {
  std::ofstream(directories.cache / "python") << "in the way";
  const Status unpacked = unpack_python_package(directories);
  ASSERT_FALSE(unpacked.has_value());
  EXPECT_NE(unpacked.error().message.find((directories.cache / "python").string()),
            std::string::npos);
}

TEST_F(PythonPackageTest, LeavesNothingBehindOnAFullDisk) {
  std::optional<FullDisk> full(100);
  const Status unpacked = unpack_python_package(directories);
  full.reset();
  ASSERT_FALSE(unpacked.has_value());
  EXPECT_EQ(unpacked.error().kind, ErrorKind::kCapacity);
  EXPECT_TRUE(std::filesystem::is_empty(directories.cache / "python"));
  EXPECT_TRUE(unpack_python_package(directories)) << "there is room again";
}

}  // namespace
}  // namespace leanto::node
