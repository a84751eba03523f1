#include "node/service_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "net/test_loop.h"
#include "node/fake_worker.h"
#include "os/full_disk.h"
#include "os/temporary_directory.h"

namespace leanto::node {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;
using wire::Json;
using wire::OutputStream;

struct ServiceLogTest : testing::Test {
  std::vector<Json> lines_of(const std::string& service, const std::string& suffix = "") {
    std::ifstream file(log.file_of(service) + suffix);
    std::vector<Json> lines;
    for (std::string line; std::getline(file, line);) lines.push_back(Json::parse(line));
    return lines;
  }

  TemporaryDirectory directory;
  net::TestLoop test;
  ManualClock clock;
  ServiceLog log{test.loop, clock, directory.path().string(), /*max_bytes=*/1000};
};

TEST_F(ServiceLogTest, WritesALineForEachPieceOfOutput) {
  log.append("train", 7, OutputStream::kStdout, "epoch 1\n");
  clock.wall_ms += 10;
  log.append("train", 0, OutputStream::kStderr, "warning");
  log.append("other", 8, OutputStream::kStdout, "hello");
  test.run(log.flush());
  EXPECT_THAT(lines_of("train"), ElementsAre(Json{{"time", 1'700'000'000'000},
                                                  {"call", 7},
                                                  {"stream", "stdout"},
                                                  {"text", "epoch 1\n"}},
                                             Json{{"time", 1'700'000'000'010},
                                                  {"call", 0},
                                                  {"stream", "stderr"},
                                                  {"text", "warning"}}));
  EXPECT_THAT(lines_of("other"), SizeIs(1));
}

TEST_F(ServiceLogTest, WritesByItselfAfterAMoment) {
  log.append("train", 7, OutputStream::kStdout, "one");
  log.append("train", 7, OutputStream::kStdout, "two");
  ASSERT_TRUE(test.run_until([&] { return lines_of("train").size() == 2; }));
  log.append("train", 7, OutputStream::kStdout, "three");
  ASSERT_TRUE(test.run_until([&] { return lines_of("train").size() == 3; }));
}

TEST_F(ServiceLogTest, KeepsTextThatIsNotUtf8Readable) {
  log.append("train", 7, OutputStream::kStdout, "caf\xE9");
  test.run(log.flush());
  EXPECT_EQ(lines_of("train").at(0)["text"], "caf\xEF\xBF\xBD");
}

TEST_F(ServiceLogTest, MovesAFileOutOfTheWayThatHasGrownOverTheLimit) {
  log.append("train", 1, OutputStream::kStdout, std::string(600, 'a'));
  test.run(log.flush());
  log.append("train", 2, OutputStream::kStdout, std::string(600, 'b'));
  test.run(log.flush());
  EXPECT_THAT(lines_of("train", ".1"), SizeIs(2));
  EXPECT_THAT(lines_of("train"), SizeIs(0));
  log.append("train", 3, OutputStream::kStdout, std::string(2000, 'c'));
  test.run(log.flush());
  EXPECT_THAT(lines_of("train", ".1"), SizeIs(1)) << "the one before is gone";
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(directory.path()), {}), 1);
}

TEST_F(ServiceLogTest, WritesWhatFoundNoRoomOnTheDiskWhenThereIs) {
  log.append("train", 1, OutputStream::kStdout, "before");
  test.run(log.flush());
  std::optional<FullDisk> full(100);  // the beginning of a line would fit
  log.append("train", 2, OutputStream::kStdout, "meanwhile");
  log.append("other", 3, OutputStream::kStdout, std::string(200, 'x'));
  test.run(log.flush());
  EXPECT_THAT(lines_of("train"), SizeIs(1)) << "and no part of another line";
  full.reset();
  ASSERT_TRUE(test.run_until([&] { return lines_of("train").size() == 2; })) << "by itself";
  EXPECT_EQ(lines_of("train").at(1)["text"], "meanwhile");
  EXPECT_THAT(lines_of("other"), SizeIs(1));
}

TEST_F(ServiceLogTest, SaysHowMuchItHadToLeaveOut) {
  ServiceLog large(test.loop, clock, directory.path().string(), /*max_bytes=*/8 << 20);
  std::optional<FullDisk> full(0);
  for (const std::size_t size : {std::size_t{10}, LogBacklog::kMaxBytes, std::size_t{10}}) {
    large.append("train", 1, OutputStream::kStdout, std::string(size, 'x'));
    test.run(large.flush());
  }
  full.reset();
  test.run(large.flush());
  large.append("train", 1, OutputStream::kStdout, "after");
  test.run(large.flush());
  const std::vector<Json> lines = lines_of("train");
  ASSERT_THAT(lines, SizeIs(3));
  EXPECT_EQ(lines[0]["text"], std::string(10, 'x'));
  EXPECT_THAT(lines[1]["text"].get<std::string>(),
              testing::HasSubstr("bytes of the log were left"));
  EXPECT_EQ(lines[1]["stream"], "stderr");
  EXPECT_EQ(lines[2]["text"], "after");
}

TEST_F(ServiceLogTest, NamesItsFilesAfterTheService) {
  const std::string in = directory.path().string() + "/";
  EXPECT_EQ(log.file_of("sample.train_2-b"), in + "sample.train_2-b.jsonl");
  EXPECT_EQ(log.file_of("../etc/x y"), in + "..%2fetc%2fx%20y.jsonl");
  EXPECT_EQ(log.file_of("a%2fb"), in + "a%252fb.jsonl") << "not the file of a/b";
  EXPECT_EQ(log.file_of("\xC3\xA9"), in + "%c3%a9.jsonl");
}

TEST_F(ServiceLogTest, KeepsTheNamesOfItsFilesShortAndApart) {
  const std::string one = log.file_of(std::string(500, 'x') + "1");
  const std::string other = log.file_of(std::string(500, 'x') + "2");
  EXPECT_NE(one, other);
  EXPECT_LT(std::filesystem::path(one).filename().string().size(), 255u - 2);
}

}  // namespace
}  // namespace leanto::node
