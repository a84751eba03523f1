#include "os/machine.h"

#include <gtest/gtest.h>

#include "base/usable_cpus.h"
#include "os/fake_kernel_files.h"

namespace leanto {
namespace {

constexpr std::uint64_t kKiB = 1024;

FakeKernelFiles files_with(const std::string& meminfo) {
  FakeKernelFiles files;
  files.texts["/proc/meminfo"] = meminfo;
  return files;
}

TEST(ReadMachine, TakesWhatTheKernelSays) {
  const auto files =
      files_with("MemTotal:  16000000 kB\nMemFree: 5 kB\nMemAvailable: 9000000 kB\n");
  EXPECT_EQ(read_machine(files, CgroupLayout(), 8),
            (Machine{8, 16'000'000 * kKiB, 9'000'000 * kKiB}));
}

TEST(ReadMachine, HasNoMoreThanItsCgroupAllows) {
  auto files = files_with("MemTotal: 16000000 kB\nMemAvailable: 9000000 kB\n");
  files.texts["/cg/memory.max"] = "1048576";
  files.texts["/cg/cpu.max"] = "50000 100000";
  CgroupLayout layout;
  layout.memory = layout.cpu = CgroupHome{CgroupHierarchy::kV2, "/cg", "/cg", true};
  EXPECT_EQ(read_machine(files, layout, 8), (Machine{0.5, 1'048'576, 1'048'576}));
}

TEST(ReadMachine, RefusesAMeminfoThatMakesNoSense) {
  for (const char* text : {"", "MemTotal:", "MemTotal: lots", "MemTotal: 99999999999999999 kB"}) {
    EXPECT_FALSE(read_machine(files_with(text), CgroupLayout(), 8).has_value()) << text;
  }
}

TEST(ReadMachine, WorksOnThisMachine) {
  const SystemKernelFiles files;
  const auto machine = read_machine(files, detect_cgroups(files), usable_cpus());
  ASSERT_TRUE(machine.has_value()) << machine.error().message;
  EXPECT_GT(machine->cpus, 0);
  EXPECT_GT(machine->memory_bytes, 0u);
  EXPECT_LE(machine->available_memory_bytes, machine->memory_bytes);
}

}  // namespace
}  // namespace leanto
