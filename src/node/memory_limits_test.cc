#include "node/memory_limits.h"

#include <gmock/gmock.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "net/test_loop.h"
#include "os/fake_kernel_files.h"
#include "os/temporary_directory.h"

namespace leanto::node {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::uint64_t kLimit = 1'000'000;
// Nobody's: what is killed here must not exist.
constexpr pid_t kWorker = 1 << 30;
constexpr pid_t kChild = kWorker + 1;

struct FakeGroup final : MemoryGroup {
  struct State {
    GroupMemory memory;
    std::vector<pid_t> added;
    int event = -1;
    int in_use = 0;  // so many times it can't be removed
    bool removed = false;
    bool refuses = false;
  };
  explicit FakeGroup(std::shared_ptr<State> shared) : state(std::move(shared)) {}

  Status add(pid_t pid) override {
    if (state->refuses) return fail(ErrorKind::kAccessDenied, "not this one");
    state->added.push_back(pid);
    return {};
  }
  std::vector<pid_t> processes() const override { return {}; }
  GroupMemory read() const override { return state->memory; }
  UniqueFd take_oom_event() override {
    UniqueFd event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    state->event = ::dup(event.get());
    return event;
  }
  Status remove() override {
    if (state->in_use-- > 0) return fail(ErrorKind::kCapacity, "in use");
    state->removed = true;
    return {};
  }
  std::shared_ptr<State> state;
};

struct FakeGroups final : MemoryGroups {
  explicit FakeGroups(std::shared_ptr<FakeGroup::State> shared) : state(std::move(shared)) {}
  Result<std::unique_ptr<MemoryGroup>> make(const std::string&, std::uint64_t) override {
    return std::make_unique<FakeGroup>(state);
  }
  Result<std::unique_ptr<MemoryGroup>> find(const std::string& name) override {
    if (name != former) return fail(ErrorKind::kNotFound, "there is no {}", name);
    return std::make_unique<FakeGroup>(state);
  }
  std::string directory() const override { return "/cg/leanto-1"; }
  std::string former;  // one that is there already
  CgroupHierarchy hierarchy() const override { return CgroupHierarchy::kV2; }
  std::shared_ptr<FakeGroup::State> state;
};

struct MemoryLimitsTest : testing::Test {
  MemoryLimits limits(std::unique_ptr<MemoryGroups> groups) {
    auto list = [this] { return processes; };
    return MemoryLimits({test.loop, files, list, std::move(groups), "no groups here",
                         std::chrono::milliseconds(1)});
  }
  void uses(pid_t pid, std::uint64_t pages, std::uint64_t pss_kilobytes) {
    const std::string directory = "/proc/" + std::to_string(pid);
    files.texts[directory + "/statm"] = fmt::format("9999 {} 1 1 0 1 0\n", pages);
    files.texts[directory + "/smaps_rollup"] =
        fmt::format("Rss: 1 kB\nPss: {} kB\n", pss_kilobytes);
  }

  FakeKernelFiles files;
  net::TestLoop test;
  std::vector<ProcessStat> processes;
  int killed = 0;
  std::function<void()> kill = [this] { ++killed; };
  std::shared_ptr<FakeGroup::State> group = std::make_shared<FakeGroup::State>();
};

TEST_F(MemoryLimitsTest, AreTheKernelsWhereThereAreGroups) {
  MemoryLimits by_kernel = limits(std::make_unique<FakeGroups>(group));
  EXPECT_EQ(by_kernel.description(), "by cgroup v2 in /cg/leanto-1");
  const WorkerMemoryPtr memory = by_kernel.hold(kWorker, kLimit, kill);
  EXPECT_THAT(group->added, ElementsAre(kWorker));
  group->memory = {4096, 8192, 0};
  EXPECT_EQ(memory->use(), (MemoryUse{kLimit, 4096, 8192, false}));
  group->memory.oom_kills = 1;
  EXPECT_TRUE(memory->use().exceeded);
}

TEST_F(MemoryLimitsTest, EndTheWorkerWhenTheKernelHasKilledOnlyAChild) {
  MemoryLimits by_kernel = limits(std::make_unique<FakeGroups>(group));
  const WorkerMemoryPtr memory = by_kernel.hold(kWorker, kLimit, kill);
  const std::uint64_t once = 1;
  ASSERT_EQ(::write(group->event, &once, sizeof once), static_cast<ssize_t>(sizeof once));
  test.settle();
  EXPECT_EQ(killed, 0) << "the group met its limit, and the kernel found room";
  group->memory.oom_kills = 1;
  ASSERT_EQ(::write(group->event, &once, sizeof once), static_cast<ssize_t>(sizeof once));
  EXPECT_TRUE(test.run_until([&] { return killed == 1; }));
  by_kernel.release(memory);
  EXPECT_TRUE(test.run_until([&] { return group->removed; }));
  ::close(group->event);
}

TEST_F(MemoryLimitsTest, WaitForTheKernelToCountAKillThatItHasAnnounced) {
  MemoryLimits limited = limits(std::make_unique<FakeGroups>(group));
  const WorkerMemoryPtr memory = limited.hold(kWorker, kLimit, kill);
  const std::uint64_t once = 1;
  ASSERT_EQ(::write(group->event, &once, sizeof once), static_cast<ssize_t>(sizeof once));
  test.settle();
  EXPECT_EQ(killed, 0);
  group->memory.oom_kills = 1;
  EXPECT_TRUE(test.run_until([&] { return killed == 1; }));
  ::close(group->event);
}

TEST_F(MemoryLimitsTest, GoOnInTheGroupOfAWorkerThatOutlivedItsDaemon) {
  auto groups = std::make_unique<FakeGroups>(group);
  groups->former = fmt::format("worker-{}", kWorker);
  MemoryLimits by_kernel = limits(std::move(groups));
  group->memory = {4096, 8192, 0};
  const WorkerMemoryPtr memory = by_kernel.hold_again(kWorker, kLimit, kill);
  EXPECT_THAT(group->added, IsEmpty()) << "it is in there, with all that it has used";
  EXPECT_EQ(memory->use().peak, 8192);
  const WorkerMemoryPtr other = by_kernel.hold_again(kWorker + 1, kLimit, kill);
  EXPECT_THAT(group->added, ElementsAre(kWorker + 1)) << "one without a group gets one";
}

TEST_F(MemoryLimitsTest, RemoveAGroupOnceItsProcessesAreGone) {
  MemoryLimits by_kernel = limits(std::make_unique<FakeGroups>(group));
  group->in_use = 3;
  by_kernel.release(by_kernel.hold(kWorker, kLimit, kill));
  EXPECT_TRUE(test.run_until([&] { return group->removed; }));
}

TEST_F(MemoryLimitsTest, AreWatchedWhereAGroupDoesNotTakeTheProcess) {
  MemoryLimits by_kernel = limits(std::make_unique<FakeGroups>(group));
  group->refuses = true;
  uses(kWorker, 1000, 4000);
  by_kernel.hold(kWorker, kLimit, kill);
  EXPECT_TRUE(test.run_until([&] { return killed == 1; }));
}

TEST_F(MemoryLimitsTest, AreWatchedWithoutGroups) {
  MemoryLimits watched = limits(nullptr);
  EXPECT_EQ(watched.description(), "watched every 1 ms (no groups here)");
  uses(kWorker, 100, 400);
  const WorkerMemoryPtr memory = watched.hold(kWorker, kLimit, kill);
  EXPECT_TRUE(test.run_until([&] { return memory->use().current == 409'600; }));
  EXPECT_EQ(killed, 0);
  uses(kWorker, 1000, 4000);
  EXPECT_TRUE(test.run_until([&] { return killed == 1; }));
  EXPECT_EQ(memory->use(), (MemoryUse{kLimit, 4'096'000, 4'096'000, true}));
  uses(kWorker, 1, 4);
  EXPECT_TRUE(test.run_until([&] { return memory->use().current == 4096; }));
  EXPECT_EQ(memory->use().peak, 4'096'000u);
  EXPECT_TRUE(memory->use().exceeded);
  EXPECT_EQ(killed, 1);
}

TEST_F(MemoryLimitsTest, DoNotCountWhatIsSharedWithOthers) {
  MemoryLimits watched = limits(nullptr);
  uses(kWorker, 1000, 500);  // most of it is the zygote's
  const WorkerMemoryPtr memory = watched.hold(kWorker, kLimit, kill);
  EXPECT_TRUE(test.run_until([&] { return memory->use().current == 512'000; }));
  EXPECT_EQ(killed, 0);
}

TEST_F(MemoryLimitsTest, CountWhatChildrenTake) {
  MemoryLimits watched = limits(nullptr);
  uses(kWorker, 100, 400);
  uses(kChild, 200, 800);
  processes = {{.pid = kChild, .name = "child", .parent = kWorker, .group = kChild}};
  const WorkerMemoryPtr memory = watched.hold(kWorker, kLimit, kill);
  EXPECT_TRUE(test.run_until([&] { return killed == 1; }));
  EXPECT_EQ(memory->use().peak, 1'228'800u);
}

TEST_F(MemoryLimitsTest, WatchNobodyWhoHasEnded) {
  MemoryLimits watched = limits(nullptr);
  uses(kWorker, 100, 400);
  watched.release(watched.hold(kWorker, kLimit, kill));
  uses(kWorker, 1000, 4000);
  uses(kChild, 100, 400);
  const WorkerMemoryPtr next = watched.hold(kChild, kLimit, kill);
  EXPECT_TRUE(test.run_until([&] { return next->use().current == 409'600; }));
  EXPECT_EQ(killed, 0);
}

TEST(MembersOf, AreTheWorkerItsGroupAndItsDescendants) {
  const std::vector<ProcessStat> processes{
      {.pid = 10, .name = "worker", .parent = 1, .group = 10},
      {.pid = 11, .name = "child", .parent = 10, .group = 10},
      {.pid = 12, .name = "in a session of its own", .parent = 11, .group = 12},
      {.pid = 13, .name = "orphan of the group", .parent = 1, .group = 10},
      {.pid = 14, .name = "somebody else", .parent = 1, .group = 14}};
  EXPECT_THAT(members_of(processes, 10), testing::UnorderedElementsAre(10, 11, 12, 13));
}

TEST(MakeMemoryLimits, SaysWhyNoGroupsAreUsed) {
  net::TestLoop test;
  SystemCgroupFiles files;
  const TemporaryDirectory directory;
  const auto parts =
      make_memory_limits(test.loop, files, LimitBy::kWatching, (directory / "cgroup").string());
  EXPECT_EQ(parts.groups, nullptr);
  EXPECT_THAT(parts.why_watched, HasSubstr("node.toml"));
}

}  // namespace
}  // namespace leanto::node
