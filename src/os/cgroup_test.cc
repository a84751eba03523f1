#include "os/cgroup.h"

#include <gtest/gtest.h>

#include "os/fake_kernel_files.h"

namespace leanto {
namespace {

constexpr const char* kRoot = "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n";

FakeKernelFiles v2_machine() {
  FakeKernelFiles files;
  files.texts["/proc/self/mountinfo"] =
      std::string(kRoot) +
      "31 23 0:27 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n";
  files.texts["/proc/self/cgroup"] = "0::/user.slice/user-1000.slice\n";
  files.texts["/sys/fs/cgroup/user.slice/user-1000.slice/cgroup.controllers"] = "cpu memory pids\n";
  files.writable_paths = {"/sys/fs/cgroup/user.slice/user-1000.slice"};
  return files;
}

FakeKernelFiles v1_machine() {
  FakeKernelFiles files;
  files.texts["/proc/self/mountinfo"] =
      std::string(kRoot) +
      "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
      "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
      "39 31 0:36 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n";
  files.texts["/proc/self/cgroup"] = "8:pids:/\n4:memory:/jobs/7\n2:cpu,cpuacct:/jobs\n";
  files.writable_paths = {"/sys/fs/cgroup/memory/jobs/7", "/sys/fs/cgroup/pids"};
  return files;
}

TEST(DetectCgroups, KnowsVersion2) {
  const CgroupLayout layout = detect_cgroups(v2_machine());
  EXPECT_EQ(layout.version, CgroupVersion::kV2);
  const CgroupHome home{CgroupHierarchy::kV2, "/sys/fs/cgroup",
                        "/sys/fs/cgroup/user.slice/user-1000.slice", true};
  EXPECT_EQ(layout.unified, home);
  EXPECT_EQ(layout.memory, home);
  EXPECT_EQ(layout.pids, home);
  EXPECT_EQ(layout.cpu, home);
}

TEST(DetectCgroups, KnowsVersion1WithAHierarchyForEachController) {
  const CgroupLayout layout = detect_cgroups(v1_machine());
  EXPECT_EQ(layout.version, CgroupVersion::kV1);
  EXPECT_FALSE(layout.unified.has_value());
  EXPECT_EQ(layout.memory, (CgroupHome{CgroupHierarchy::kV1, "/sys/fs/cgroup/memory",
                                       "/sys/fs/cgroup/memory/jobs/7", true}));
  EXPECT_EQ(layout.pids,
            (CgroupHome{CgroupHierarchy::kV1, "/sys/fs/cgroup/pids", "/sys/fs/cgroup/pids", true}));
  EXPECT_EQ(layout.cpu, (CgroupHome{CgroupHierarchy::kV1, "/sys/fs/cgroup/cpu,cpuacct",
                                    "/sys/fs/cgroup/cpu,cpuacct/jobs", false}));
}

TEST(DetectCgroups, KnowsVersion1BesideAVersion2WithoutControllers) {
  FakeKernelFiles files = v1_machine();
  files.texts["/proc/self/mountinfo"] +=
      "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
  files.texts["/proc/self/cgroup"] += "0::/\n";
  files.texts["/sys/fs/cgroup/unified/cgroup.controllers"] = "hugetlb\n";
  const CgroupLayout layout = detect_cgroups(files);
  EXPECT_EQ(layout.version, CgroupVersion::kHybrid);
  EXPECT_EQ(layout.memory->hierarchy, CgroupHierarchy::kV1);
  EXPECT_EQ(layout.unified->directory, "/sys/fs/cgroup/unified");
}

TEST(DetectCgroups, KnowsAContainerThatHasNone) {
  FakeKernelFiles files;
  files.texts["/proc/self/mountinfo"] = kRoot;
  files.texts["/proc/self/cgroup"] = "0::/\n";
  EXPECT_EQ(detect_cgroups(files), CgroupLayout());
  EXPECT_EQ(detect_cgroups(FakeKernelFiles()), CgroupLayout());
}

TEST(DetectCgroups, CountsAVersion2WithoutMemoryAndPidsAsNone) {
  FakeKernelFiles files = v2_machine();
  files.texts["/sys/fs/cgroup/user.slice/user-1000.slice/cgroup.controllers"] = "\n";
  const CgroupLayout layout = detect_cgroups(files);
  EXPECT_EQ(layout.version, CgroupVersion::kNone);
  EXPECT_TRUE(layout.unified.has_value()) << "cgroup.kill is there all the same";
}

TEST(DetectCgroups, FindsItsDirectoryWhereOnlyAPartIsMounted) {
  FakeKernelFiles files;
  files.texts["/proc/self/mountinfo"] =
      "35 31 0:32 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n";
  for (const char* path : {"/docker/abc", "/docker/abcdef", "/", "/../other"}) {
    files.texts["/proc/self/cgroup"] = std::string("4:memory:") + path + "\n";
    EXPECT_EQ(detect_cgroups(files).memory->directory, "/sys/fs/cgroup/memory") << path;
  }
  files.texts["/proc/self/cgroup"] = "4:memory:/docker/abc/inner\n";
  EXPECT_EQ(detect_cgroups(files).memory->directory, "/sys/fs/cgroup/memory/inner");
  EXPECT_FALSE(detect_cgroups(files).memory->writable);
}

TEST(DetectCgroups, SurvivesFilesThatMakeNoSense) {
  FakeKernelFiles files;
  files.texts["/proc/self/mountinfo"] = "\n- - -\n1 2 3 - cgroup2\n1 2 3 4 5 6 -\n:::\n";
  files.texts["/proc/self/cgroup"] = ":\n\nx\n::\n4:memory\n";
  EXPECT_EQ(detect_cgroups(files), CgroupLayout());
}

TEST(DetectCgroups, SaysSomethingOfThisMachine) {
  const SystemKernelFiles files;
  const CgroupLayout layout = detect_cgroups(files);
  EXPECT_TRUE(
      describe(layout).starts_with("cgroups: " + std::string(cgroup_version_name(layout.version))));
  if (layout.memory) {
    EXPECT_TRUE(files.read(layout.memory->directory + "/cgroup.procs"));
  }
}

TEST(CgroupLimits, AreTheLeastOfOurGroupAndThoseAboveInVersion2) {
  FakeKernelFiles files = v2_machine();
  const CgroupLayout layout = detect_cgroups(files);
  EXPECT_EQ(memory_limit(files, layout), std::nullopt);
  EXPECT_EQ(cpu_limit(files, layout), std::nullopt);
  files.texts["/sys/fs/cgroup/user.slice/user-1000.slice/memory.max"] = "max\n";
  files.texts["/sys/fs/cgroup/user.slice/memory.max"] = "4000000\n";
  files.texts["/sys/fs/cgroup/memory.max"] = "9000000\n";
  files.texts["/sys/fs/cgroup/user.slice/user-1000.slice/cpu.max"] = "150000 100000\n";
  files.texts["/sys/fs/cgroup/user.slice/cpu.max"] = "max 100000\n";
  EXPECT_EQ(memory_limit(files, layout), 4'000'000u);
  EXPECT_EQ(cpu_limit(files, layout), 1.5);
}

TEST(CgroupLimits, KnowHowVersion1SaysThatThereIsNone) {
  FakeKernelFiles files = v1_machine();
  const CgroupLayout layout = detect_cgroups(files);
  files.texts["/sys/fs/cgroup/memory/jobs/7/memory.limit_in_bytes"] = "9223372036854771712\n";
  files.texts["/sys/fs/cgroup/cpu,cpuacct/jobs/cpu.cfs_quota_us"] = "-1\n";
  files.texts["/sys/fs/cgroup/cpu,cpuacct/jobs/cpu.cfs_period_us"] = "100000\n";
  EXPECT_EQ(memory_limit(files, layout), std::nullopt);
  EXPECT_EQ(cpu_limit(files, layout), std::nullopt);
  files.texts["/sys/fs/cgroup/memory/jobs/memory.limit_in_bytes"] = "1073741824\n";
  files.texts["/sys/fs/cgroup/cpu,cpuacct/jobs/cpu.cfs_quota_us"] = "400000\n";
  EXPECT_EQ(memory_limit(files, layout), std::uint64_t{1} << 30);
  EXPECT_EQ(cpu_limit(files, layout), 4.0);
}

}  // namespace
}  // namespace leanto
