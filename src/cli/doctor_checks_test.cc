#include "cli/doctor_checks.h"

#include <gmock/gmock.h>

#include "cli/table_text.h"
#include "os/fake_kernel_files.h"

namespace leanto::cli {
namespace {

using ::testing::HasSubstr;

constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;
constexpr std::int64_t kNow = 1'764'000'000'000;

PythonFacts python(int major, int minor) { return {"/usr/bin/python3", major, minor, "x", ""}; }

TEST(Doctor, WantsAPythonOf39OrNewer) {
  EXPECT_EQ(check_python(python(3, 9)).verdict, Verdict::kGood);
  EXPECT_EQ(check_python(python(4, 0)).verdict, Verdict::kGood);
  EXPECT_EQ(check_python(python(3, 8)).verdict, Verdict::kFail);
  EXPECT_EQ(check_python(python(2, 7)).verdict, Verdict::kFail);
  const Check none = check_python(fail(ErrorKind::kNotFound, "no python3"));
  EXPECT_EQ(none.verdict, Verdict::kFail);
  EXPECT_EQ(none.found, "no python3");
  EXPECT_THAT(none.advice, HasSubstr("install"));
}

TEST(Doctor, PointsOutAPackageOfAnotherVersion) {
  PythonFacts facts = python(3, 11);
  EXPECT_EQ(check_package(facts, "0.2.0").verdict, Verdict::kInfo);
  facts.leanto = "0.2.0";
  EXPECT_EQ(check_package(facts, "0.2.0").verdict, Verdict::kGood);
  facts.leanto = "0.1.0";
  EXPECT_EQ(check_package(facts, "0.2.0").verdict, Verdict::kWarn);
}

TEST(Doctor, LooksAtDirectories) {
  DirectoryFacts facts{"state", "/s", {}, 10 * kGiB, "ext4", false};
  EXPECT_EQ(check_directory(facts),
            (Check{"state", Verdict::kGood, "/s (ext4, 10.0 GiB free)", ""}));
  facts.remote = true;
  EXPECT_EQ(check_directory(facts).verdict, Verdict::kWarn);
  facts.free_bytes = kGiB / 2;
  EXPECT_THAT(check_directory(facts).advice, HasSubstr("images prune"));
  facts.free_bytes = 1 << 20;
  EXPECT_EQ(check_directory(facts).verdict, Verdict::kFail);
  facts.usable = fail(ErrorKind::kAccessDenied, "others may write in /s");
  EXPECT_EQ(check_directory(facts).found, "others may write in /s");
}

TEST(Doctor, TellsAStaleSocketFromNoneAndFromOneThatDoesNotAnswer) {
  EXPECT_EQ(check_socket(SocketState::kNone, "/s").verdict, Verdict::kGood);
  EXPECT_EQ(check_socket(SocketState::kServed, "/s").verdict, Verdict::kGood);
  EXPECT_EQ(check_socket(SocketState::kStale, "/s").verdict, Verdict::kWarn);
  const Check other = check_socket(SocketState::kOther, "/s", "it belongs to user 7");
  EXPECT_EQ(other.verdict, Verdict::kFail);
  EXPECT_EQ(other.found, "it belongs to user 7");
}

TEST(Doctor, ComparesVersions) {
  EXPECT_EQ(check_version("0.2.0", std::nullopt).verdict, Verdict::kGood);
  EXPECT_EQ(check_version("0.2.0", "0.2.0").verdict, Verdict::kGood);
  EXPECT_EQ(check_version("0.2.0", "0.1.0"),
            (Check{"version", Verdict::kWarn, "0.2.0, and the node that runs is 0.1.0",
                   "leanto restart --node"}));
}

TEST(Doctor, FailsForADatabaseThatANewerProgramMade) {
  const auto checks =
      check_schemas(std::vector<SchemaVersion>{{"ledger.sqlite", 3, 3}, {"runs.sqlite", 2, 1}});
  ASSERT_EQ(checks.size(), 2u);
  EXPECT_EQ(checks[0].verdict, Verdict::kGood);
  EXPECT_EQ(checks[1].verdict, Verdict::kFail);
  EXPECT_EQ(checks[1].found, "schema 2, and this program knows up to 1");
  EXPECT_EQ(check_schemas(fail(ErrorKind::kProtocol, "no database")).at(0).verdict, Verdict::kFail);
}

TEST(Doctor, SaysWhetherTheKernelEnforcesMemoryLimits) {
  CgroupLayout layout;
  EXPECT_EQ(check_memory_limits(layout, std::nullopt).verdict, Verdict::kWarn);
  layout.version = CgroupVersion::kV2;
  layout.memory = CgroupHome{CgroupHierarchy::kV2, "/m", "/m/x", false};
  EXPECT_THAT(check_memory_limits(layout, std::nullopt).found, HasSubstr("/m/x is not writable"));
  layout.memory->writable = true;
  EXPECT_EQ(check_memory_limits(layout, std::nullopt).verdict, Verdict::kGood);
  // Who runs knows best.
  EXPECT_EQ(check_memory_limits(layout, "watched every 100 ms").verdict, Verdict::kWarn);
  EXPECT_EQ(check_memory_limits(CgroupLayout(), "by cgroup v2 in /m").verdict, Verdict::kGood);
}

TEST(Doctor, LooksAtTheLimitsOfInotify) {
  FakeKernelFiles files;
  EXPECT_EQ(check_inotify(files).verdict, Verdict::kWarn);
  files.texts["/proc/sys/fs/inotify/max_user_watches"] = "65536\n";
  files.texts["/proc/sys/fs/inotify/max_user_instances"] = "128\n";
  EXPECT_EQ(check_inotify(files),
            (Check{"inotify", Verdict::kGood, "65536 watches, 128 instances", ""}));
  files.texts["/proc/sys/fs/inotify/max_user_watches"] = "8191\n";
  EXPECT_EQ(check_inotify(files).verdict, Verdict::kWarn);
}

TEST(Doctor, LooksAtOtherLimits) {
  EXPECT_EQ(check_open_files(1024, 4096).verdict, Verdict::kGood);
  EXPECT_EQ(check_open_files(256, 256).verdict, Verdict::kWarn);
  EXPECT_EQ(check_shared_memory(2 * kGiB).verdict, Verdict::kGood);
  EXPECT_EQ(check_shared_memory(64 << 20).verdict, Verdict::kWarn);
  EXPECT_EQ(check_shared_memory(std::nullopt).verdict, Verdict::kWarn);
  EXPECT_EQ(check_machine(Machine{4, 8 * kGiB, 2 * kGiB}).verdict, Verdict::kGood);
  EXPECT_EQ(check_machine(Machine{4, 8 * kGiB, 1 << 20}).verdict, Verdict::kWarn);
}

TEST(Doctor, CountsGpus) {
  EXPECT_EQ(check_gpus({}), (Check{"gpus", Verdict::kInfo, "none seen", ""}));
  EXPECT_EQ(check_gpus({"A100", ""}).found, "2: A100, a GPU");
}

TEST(Doctor, DoubtsAClockThatIsBehindItsOwnFiles) {
  EXPECT_EQ(check_clock(kNow, std::nullopt).verdict, Verdict::kGood);
  EXPECT_EQ(check_clock(kNow, kNow + 1000).verdict, Verdict::kGood);
  EXPECT_EQ(check_clock(kNow, kNow + 3'600'000).verdict, Verdict::kWarn);
  EXPECT_EQ(check_clock(0, std::nullopt).verdict, Verdict::kFail);
}

TEST(Doctor, NeedsNoTool) {
  EXPECT_EQ(check_tool("uv", std::nullopt, "pip is used").verdict, Verdict::kInfo);
  EXPECT_EQ(check_tool("uv", "/usr/bin/uv", "").found, "/usr/bin/uv");
}

TEST(Doctor, FailsOnlyForFailures) {
  const Check warning{"a", Verdict::kWarn, "", ""};
  EXPECT_FALSE(has_failure({warning, {"b", Verdict::kInfo, "", ""}}));
  EXPECT_TRUE(has_failure({warning, {"b", Verdict::kFail, "", ""}}));
}

TEST(Doctor, ReportsWithAdviceBelow) {
  const std::vector<Check> checks = {{"python", Verdict::kGood, "3.11", ""},
                                     {"node.toml", Verdict::kFail, "line 3: what?", "mend it"}};
  EXPECT_EQ(checks_report(checks, {}),
            "ok    python     3.11\n"
            "fail  node.toml  line 3: what?\n"
            "      -> mend it\n"
            "\n1 failure, 0 warnings.\n");
  EXPECT_EQ(
      checks_to_json(checks),
      (wire::Json{{"healthy", false},
                  {"checks",
                   {{{"name", "python"}, {"verdict", "ok"}, {"found", "3.11"}, {"advice", ""}},
                    {{"name", "node.toml"},
                     {"verdict", "fail"},
                     {"found", "line 3: what?"},
                     {"advice", "mend it"}}}}}));
}

TEST(Doctor, WrapsItsReport) {
  const std::string words = "some words that go on and on, for longer than a line of it has room";
  const std::string report = checks_report({{"limits", Verdict::kWarn, words, words}}, {50});
  for (std::size_t at = 0; at < report.size();) {
    const std::size_t end = report.find('\n', at);
    EXPECT_LE(display_width(report.substr(at, end - at)), 50u) << report;
    at = end + 1;
  }
}

}  // namespace
}  // namespace leanto::cli
