#include "os/gpus.h"

#include <gmock/gmock.h>

#include "os/files.h"
#include "os/temporary_directory.h"

namespace leanto {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct GpusTest : testing::Test {
  void write(const std::string& path, std::string_view text) {
    const auto file = directory.path() / path;
    std::filesystem::create_directories(file.parent_path());
    ASSERT_TRUE(write_file_atomically(file.string(), text).has_value());
  }
  std::vector<std::string> found() const {
    return find_gpus_in_proc(directory.path().string() + "/");
  }
  TemporaryDirectory directory;
};

TEST_F(GpusTest, AreNoneWhereThereIsNoDriver) { EXPECT_THAT(found(), IsEmpty()); }

TEST_F(GpusTest, ComeInTheOrderOfTheirPlacesOnTheBus) {
  write("proc/driver/nvidia/gpus/0000:3b:00.0/information",
        "Model: \t\t Tesla T4\nIRQ:   \t\t 42\nGPU UUID: \t GPU-1\n");
  write("proc/driver/nvidia/gpus/0000:00:1e.0/information",
        "Model: \t\t NVIDIA A10G\nIRQ:   \t\t 41\n");
  EXPECT_THAT(found(), ElementsAre("A10G", "T4"));
}

TEST_F(GpusTest, AreCountedByTheirDeviceFilesWhereProcIsHidden) {
  for (const char* name : {"nvidia0", "nvidia1", "nvidiactl", "nvidia-uvm", "null"})
    write(std::string("dev/") + name, "");
  EXPECT_THAT(found(), ElementsAre("", ""));
}

TEST(GpuKind, IsOneWord) {
  EXPECT_EQ(gpu_kind("NVIDIA A100-SXM4-40GB"), "A100-SXM4-40GB");
  EXPECT_EQ(gpu_kind("NVIDIA H100 80GB HBM3"), "H100-80GB-HBM3");
  EXPECT_EQ(gpu_kind("NVIDIA GeForce RTX 4090"), "RTX-4090");
  EXPECT_EQ(gpu_kind(""), "");
}

}  // namespace
}  // namespace leanto
