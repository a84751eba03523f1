#include "os/memory_cgroup.h"

#include <gmock/gmock.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "os/fake_cgroup_files.h"
#include "os/process.h"

namespace leanto {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr pid_t kSelf = 42;
constexpr std::uint64_t kLimit = 100'000'000;

CgroupLayout layout_v1(const std::string& own, bool writable = true) {
  CgroupLayout layout;
  layout.version = CgroupVersion::kV1;
  layout.memory = CgroupHome{CgroupHierarchy::kV1, "/cg/memory", own, writable};
  return layout;
}

CgroupLayout layout_v2(const std::string& own, bool writable = true) {
  CgroupLayout layout;
  layout.version = CgroupVersion::kV2;
  layout.memory = CgroupHome{CgroupHierarchy::kV2, "/cg", own, writable};
  return layout;
}

struct MemoryGroupsTest : testing::Test {
  std::unique_ptr<MemoryGroups> open(const CgroupLayout& layout) {
    auto groups = open_memory_groups(files, layout, "leanto-1", kSelf);
    if (!groups) ADD_FAILURE() << groups.error().message;
    return groups ? *std::move(groups) : nullptr;
  }
  std::string refusal(const CgroupLayout& layout) {
    const auto groups = open_memory_groups(files, layout, "leanto-1", kSelf);
    return groups ? "none" : groups.error().message;
  }
  FakeCgroupFiles files;
};

TEST_F(MemoryGroupsTest, AreNotThereWithoutAMemoryController) {
  EXPECT_THAT(refusal(CgroupLayout()), HasSubstr("no memory controller"));
}

TEST_F(MemoryGroupsTest, AreBelowOurOwnGroupUnderVersion1) {
  const auto groups = open(layout_v1("/cg/memory/job"));
  EXPECT_EQ(groups->directory(), "/cg/memory/job/leanto-1");
  const auto group = groups->make("worker-1", kLimit);
  ASSERT_TRUE(group.has_value());
  const std::string directory = "/cg/memory/job/leanto-1/worker-1";
  EXPECT_EQ(files.texts[directory + "/memory.limit_in_bytes"], "100000000");
  EXPECT_EQ(files.texts[directory + "/memory.memsw.limit_in_bytes"], "100000000");
  EXPECT_TRUE((*group)->add(7).has_value());
  EXPECT_THAT((*group)->processes(), ElementsAre(7));
  EXPECT_TRUE((*group)->take_oom_event());
}

TEST_F(MemoryGroupsTest, SayWhatTheKernelSaysUnderVersion1) {
  const auto group = open(layout_v1("/cg/memory"))->make("worker-1", kLimit);
  const std::string directory = "/cg/memory/leanto-1/worker-1";
  EXPECT_EQ((*group)->read(), GroupMemory{});
  files.texts[directory + "/memory.usage_in_bytes"] = "4096\n";
  files.texts[directory + "/memory.max_usage_in_bytes"] = "99999744\n";
  files.texts[directory + "/memory.oom_control"] = "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n";
  EXPECT_EQ((*group)->read(), (GroupMemory{4096, 99999744, 2}));
}

TEST_F(MemoryGroupsTest, AreRefusedWhereTheGroupIsNotWritable) {
  EXPECT_EQ(refusal(layout_v1("/cg/memory/job", false)), "/cg/memory/job is not writable");
  EXPECT_EQ(refusal(layout_v2("/cg/job", false)), "/cg/job is not writable");
}

TEST_F(MemoryGroupsTest, AreBesideOurOwnGroupUnderVersion2) {
  files.writable_paths = {"/cg/user", "/cg/user/cgroup.procs", "/cg/user/shell"};
  files.texts["/cg/user/cgroup.subtree_control"] = "memory pids\n";
  const auto groups = open(layout_v2("/cg/user/shell"));
  EXPECT_EQ(groups->directory(), "/cg/user/leanto-1");
  EXPECT_THAT(files.made, IsEmpty()) << "nothing is made before it's needed";
  const auto group = groups->make("worker-1", kLimit);
  EXPECT_EQ(files.texts["/cg/user/leanto-1/cgroup.subtree_control"], "+memory");
  const std::string directory = "/cg/user/leanto-1/worker-1";
  EXPECT_EQ(files.texts[directory + "/memory.max"], "100000000");
  EXPECT_EQ(files.texts[directory + "/memory.swap.max"], "0");
  EXPECT_EQ(files.texts[directory + "/memory.oom.group"], "1");
  files.texts[directory + "/memory.current"] = "4096\n";
  files.texts[directory + "/memory.peak"] = "8192\n";
  files.texts[directory + "/memory.events"] =
      "low 0\nmax 12\noom 1\noom_kill 3\noom_group_kill 1\n";
  EXPECT_EQ((*group)->read(), (GroupMemory{4096, 8192, 3}));
  EXPECT_FALSE((*group)->take_oom_event());
}

TEST_F(MemoryGroupsTest, SayNothingOfThePeakWhereAnOlderKernelDoesNot) {
  files.texts["/cg/cgroup.subtree_control"] = "memory";
  const auto group = open(layout_v2("/cg"))->make("worker-1", kLimit);
  EXPECT_EQ((*group)->read().peak, std::nullopt);
}

TEST_F(MemoryGroupsTest, MoveTheDaemonDownWhenItIsAloneInItsGroup) {
  files.texts["/cg/job/cgroup.procs"] = "42\n";
  const auto groups = open(layout_v2("/cg/job"));
  EXPECT_EQ(groups->directory(), "/cg/job/leanto-1");
  EXPECT_EQ(files.texts["/cg/job/leanto-1-daemon/cgroup.procs"], "42\n");
  EXPECT_EQ(files.texts["/cg/job/cgroup.procs"], "");
  EXPECT_EQ(files.texts["/cg/job/cgroup.subtree_control"], "+memory");
}

TEST_F(MemoryGroupsTest, AreRefusedWhereOthersAreInTheGroup) {
  files.texts["/cg/job/cgroup.procs"] = "42\n43\n";
  EXPECT_THAT(refusal(layout_v2("/cg/job")), HasSubstr("has other processes"));
  EXPECT_EQ(files.texts["/cg/job/cgroup.procs"], "42\n43\n");
}

TEST_F(MemoryGroupsTest, LeaveNothingBehind) {
  auto groups = open(layout_v1("/cg/memory"));
  auto group = groups->make("worker-1", kLimit);
  files.in_use = {"/cg/memory/leanto-1/worker-1"};
  EXPECT_EQ((*group)->remove().error().kind, ErrorKind::kCapacity);
  files.in_use.clear();
  EXPECT_TRUE((*group)->remove().has_value());
  groups.reset();
  EXPECT_THAT(files.made, IsEmpty());
}

TEST_F(MemoryGroupsTest, AreNotLeftBehindWithoutALimit) {
  const auto groups = open(layout_v1("/cg/memory"));
  files.refused = {"/cg/memory/leanto-1/worker-1/memory.limit_in_bytes"};
  EXPECT_FALSE(groups->make("worker-1", kLimit).has_value());
  EXPECT_THAT(files.directories("/cg/memory/leanto-1"), IsEmpty());
}

TEST_F(MemoryGroupsTest, OfAnEarlierDaemonAreRemovedWhenTheyAreEmpty) {
  files.made = {"/cg/memory/leanto-1", "/cg/memory/leanto-1/a", "/cg/memory/leanto-1/b"};
  files.in_use = {"/cg/memory/leanto-1/b"};
  remove_empty_groups(files, "/cg/memory/leanto-1");
  EXPECT_THAT(files.made, ElementsAre("/cg/memory/leanto-1", "/cg/memory/leanto-1/b"));
  files.in_use.clear();
  remove_empty_groups(files, "/cg/memory/leanto-1");
  EXPECT_THAT(files.made, IsEmpty());
}

// With this machine's own kernel, where it lets us.
TEST(KernelMemoryGroups, HaveTheKernelEndAProcessThatTakesTooMuch) {
  SystemCgroupFiles files;
  const std::string name = "leanto-test-" + std::to_string(::getpid());
  auto groups = open_memory_groups(files, detect_cgroups(files), name, ::getpid());
  if (!groups) GTEST_SKIP() << groups.error().message;
  constexpr std::size_t kTooMuch = 200'000'000;
  auto group = (*groups)->make("worker-1", kLimit);
  ASSERT_TRUE(group.has_value()) << group.error().message;
  const UniqueFd event = (*group)->take_oom_event();
  int go[2];
  ASSERT_EQ(::pipe(go), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    char byte;
    (void)!::read(go[0], &byte, 1);
    char* const memory = static_cast<char*>(::malloc(kTooMuch));
    std::memset(memory, 1, kTooMuch);
    ::_exit(memory[kTooMuch / 2]);
  }
  ASSERT_TRUE((*group)->add(child).has_value());
  EXPECT_THAT((*group)->processes(), ElementsAre(child));
  EXPECT_EQ(::write(go[1], "g", 1), 1);
  const auto status = wait_until_exit(child);
  ASSERT_TRUE(status.has_value());
  EXPECT_EQ(status->signal, SIGKILL);
  const GroupMemory memory = (*group)->read();
  EXPECT_EQ(memory.oom_kills, 1);
  EXPECT_NEAR(static_cast<double>(memory.peak.value_or(kLimit)), kLimit, 8e6);
  if (event) {
    std::uint64_t count = 0;
    EXPECT_EQ(::read(event.get(), &count, sizeof count), static_cast<ssize_t>(sizeof count));
  }
  EXPECT_TRUE((*group)->remove().has_value());
  ::close(go[0]);
  ::close(go[1]);
}

}  // namespace
}  // namespace leanto
