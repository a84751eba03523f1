#include "os/nvml.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "os/files.h"
#include "os/temporary_directory.h"

namespace leanto {
namespace {

TEST(Nvml, IsLookedForWhereLibrariesLie) {
  const TemporaryDirectory root;
  const std::string path = root.path().string() + "/";
  EXPECT_FALSE(has_nvml(path));
  ASSERT_TRUE(make_directories(path + "usr/lib64"));
  ASSERT_TRUE(write_file_atomically(path + "usr/lib64/libnvidia-ml.so.1", ""));
  EXPECT_TRUE(has_nvml(path));
}

}  // namespace
}  // namespace leanto
