#include "node/run_logs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/test_loop.h"
#include "node/fake_worker.h"
#include "os/full_disk.h"
#include "os/temporary_directory.h"

namespace leanto::node {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct RunLogsTest : testing::Test {
  // The texts of the records from `offset` on.
  std::vector<std::string> texts(std::uint64_t offset = 0) {
    const Result<RunLogPiece> piece = test.get(logs.read("r1", offset));
    EXPECT_TRUE(piece) << piece.error().message;
    std::vector<std::string> found;
    std::string_view rest = piece->records;
    for (std::size_t end = rest.find('\n'); end != rest.npos; end = rest.find('\n')) {
      found.push_back(wire::Json::parse(rest.substr(0, end))["text"].get<std::string>());
      rest.remove_prefix(end + 1);
    }
    return found;
  }

  net::TestLoop test;
  ManualClock clock;
  TemporaryDirectory directory;
  RunLogs logs{test.loop, clock, directory.path().string(), 1 << 20};
};

TEST_F(RunLogsTest, HaveARecordForEachLineHoweverItWasWritten) {
  logs.open("r1");
  logs.append("r1", OutputStream::kStdout, "one\ntwo\nth");
  logs.append("r1", OutputStream::kStderr, "warning\n");
  logs.append("r1", OutputStream::kStdout, "ree\n");
  EXPECT_THAT(texts(), ElementsAre("one\n", "two\n", "warning\n", "three\n"));
}

TEST_F(RunLogsTest, WriteALineWithoutAnEndWhenTheRunEnds) {
  logs.open("r1");
  logs.append("r1", OutputStream::kStdout, "no end");
  EXPECT_THAT(texts(), IsEmpty());
  const std::uint64_t size = test.get(logs.close("r1")).value();
  EXPECT_THAT(texts(), ElementsAre("no end"));
  EXPECT_EQ(test.get(logs.read("r1", 0))->next(), size);
}

TEST_F(RunLogsTest, WriteALineWithoutAnEndAfterAWhile) {
  logs.open("r1");
  logs.append("r1", OutputStream::kStdout, "10%\r");
  clock.monotonic_ms += 2000;
  ASSERT_TRUE(test.run_until([&] { return !texts().empty(); }));
  EXPECT_THAT(texts(), ElementsAre("10%\r"));
}

TEST_F(RunLogsTest, CutLinesThatDoNotEnd) {
  logs.open("r1");
  logs.append("r1", OutputStream::kStdout, std::string(10'000, 'x') + "\n");
  const auto found = texts();
  EXPECT_EQ(found.size(), 2u);
  EXPECT_EQ(found.at(0).size(), 8192u);
}

TEST_F(RunLogsTest, TellWhoWaitsOfALineAndOfTheEnd) {
  logs.open("r1");
  int woken = 0;
  auto wait = [](RunLogsTest& self, int& count) -> net::Task<> {
    co_await self.logs.wait("r1", 0, 1min);
    ++count;
  };
  test.loop.spawn("wait", wait(*this, woken));
  test.settle();
  EXPECT_EQ(woken, 0);
  logs.append("r1", OutputStream::kStdout, "line\n");
  ASSERT_TRUE(test.run_until([&] { return woken == 1; }));
  test.run(wait(*this, woken));
  EXPECT_EQ(woken, 2) << "there is more than it knows: no wait";

  auto wait_for_more = [](RunLogsTest& self, int& count) -> net::Task<> {
    co_await self.logs.wait("r1", self.logs.lines_of("r1"), 1min);
    ++count;
  };
  test.loop.spawn("wait", wait_for_more(*this, woken));
  test.settle();
  EXPECT_EQ(woken, 2);
  (void)test.get(logs.close("r1"));
  ASSERT_TRUE(test.run_until([&] { return woken == 3; }));
  test.run(wait_for_more(*this, woken));
  EXPECT_EQ(woken, 4) << "a closed one says nothing more";
}

TEST_F(RunLogsTest, KeepWhatFindsNoRoomOnTheDiskUntilThereIs) {
  logs.open("r1");
  logs.append("r1", OutputStream::kStdout, "before\n");
  EXPECT_THAT(texts(), ElementsAre("before\n"));
  std::optional<FullDisk> full(100);  // the beginning of a record would fit
  logs.append("r1", OutputStream::kStdout, "meanwhile\n");
  EXPECT_THAT(texts(), ElementsAre("before\n"));
  const auto refused = test.get(logs.close("r1"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kCapacity);
  full.reset();
  EXPECT_TRUE(test.get(logs.close("r1")));
  EXPECT_THAT(texts(), ElementsAre("before\n", "meanwhile\n"));
}

TEST_F(RunLogsTest, WriteByThemselvesWhenThereIsRoomAgain) {
  logs.open("r1");
  std::optional<FullDisk> full(0);
  logs.append("r1", OutputStream::kStdout, "line\n");
  EXPECT_THAT(texts(), IsEmpty());
  full.reset();
  const auto size = [this] { return run_log_size(logs.file_of("r1")).value_or(0); };
  ASSERT_TRUE(test.run_until([&] { return size() > 0; }));
  EXPECT_THAT(texts(), ElementsAre("line\n"));
}

TEST_F(RunLogsTest, TakeNothingForARunThatIsNotOpen) {
  logs.append("r1", OutputStream::kStdout, "who?\n");
  EXPECT_THAT(texts(), IsEmpty());
  EXPECT_EQ(test.get(logs.close("r1")).value(), 0u);
}

}  // namespace
}  // namespace leanto::node
