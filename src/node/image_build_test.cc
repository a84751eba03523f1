#include "node/image_build.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <fstream>

#include "net/test_loop.h"
#include "os/files.h"
#include "os/temporary_directory.h"

namespace leanto::node {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

// The process is a shell script in place of the interpreter.
struct ImageBuildTest : testing::Test {
  Status build(const std::string& script, Duration limit = 1h) {
    const std::string program = (directory / "program").string();
    std::ofstream(program) << "#!/bin/sh\n" << script;
    ::chmod(program.c_str(), 0700);
    const wire::Json image = {{"python", "3.11"}, {"steps", wire::Json::array()}};
    ImageBuild words{program, "/package", directory.path().string(), image, limit};
    ImageOutput listen = [this](std::string_view text) { output += text; };
    return test.get(build_image(test.loop, std::move(words), std::move(listen)));
  }
  std::string read(const char* name) {
    return read_file((directory / name).string()).value_or("(not there)");
  }

  TemporaryDirectory directory;
  net::TestLoop test;
  std::string output;
};

TEST_F(ImageBuildTest, HandsOnWhatTheStepsWrite) {
  EXPECT_TRUE(build("echo one; echo two >&2; exit 0").has_value());
  EXPECT_EQ(output, "one\ntwo\n");
}

TEST_F(ImageBuildTest, TellsTheProcessWhatToBuild) {
  ASSERT_TRUE(build("cat <&4 > " + (directory / "words").string()).has_value());
  const wire::Json words = wire::Json::parse(read("words"), nullptr, false);
  EXPECT_EQ(words, (wire::Json{{"python", "3.11"},
                               {"steps", wire::Json::array()},
                               {"directory", directory.path().string()}}));
}

TEST_F(ImageBuildTest, FailsWithTheReasonThatTheProcessReports) {
  const Status failed = build("echo 'step 1 failed' >&3; exit 1");
  ASSERT_FALSE(failed.has_value());
  EXPECT_EQ(failed.error().kind, ErrorKind::kImage);
  EXPECT_THAT(failed.error().message, HasSubstr("step 1 failed"));
  EXPECT_THAT(failed.error().message, HasSubstr("build.log"));
}

TEST_F(ImageBuildTest, SaysHowAProcessEndedThatReportedNothing) {
  EXPECT_THAT(build("exit 3").error().message, HasSubstr("exit code 3"));
  EXPECT_THAT(build("kill -9 $$").error().message, HasSubstr("SIGKILL"));
}

TEST_F(ImageBuildTest, EndsTheWholeGroupAtTheLimit) {
  const std::string pid_file = (directory / "pid").string();
  const Status failed = build("sleep 1000 & echo $! > " + pid_file + "; wait", 300ms);
  ASSERT_FALSE(failed.has_value());
  EXPECT_THAT(failed.error().message, HasSubstr("took longer than"));
  const int pid = std::atoi(read("pid").c_str());
  ASSERT_GT(pid, 1);
  const std::string stat = "/proc/" + std::to_string(pid) + "/stat";
  const auto has_ended = [&] {  // whoever adopted it may not have reaped it yet
    const Result<std::string> line = read_file(stat);
    return !line || line->find(") Z ") != std::string::npos;
  };
  EXPECT_TRUE(test.run_until(has_ended));
}

TEST_F(ImageBuildTest, NeedsAnInterpreter) {
  const wire::Json image = wire::Json::object();
  ImageBuild words{"/nowhere/python3", "/package", directory.path().string(), image, 1h};
  ImageOutput nobody = [](std::string_view) {};
  const Status failed = test.get(build_image(test.loop, std::move(words), std::move(nobody)));
  ASSERT_FALSE(failed.has_value());
  EXPECT_EQ(failed.error().kind, ErrorKind::kImage);
  EXPECT_THAT(failed.error().message, HasSubstr("/nowhere/python3"));
}

}  // namespace
}  // namespace leanto::node
