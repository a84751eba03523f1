#include "store/log_backlog.h"

#include <gtest/gtest.h>

namespace leanto {
namespace {

struct LogBacklogTest : testing::Test {
  Status write(std::string_view lines) {
    auto append = [this](std::string_view text) -> Status {
      if (is_full) return fail(ErrorKind::kCapacity, "full");
      file += text;
      return {};
    };
    auto make_gap = [](std::uint64_t bytes) { return fmt::format("gap of {}\n", bytes); };
    return backlog.write(lines, append, make_gap);
  }

  LogBacklog backlog;
  std::string file;
  bool is_full = false;
};

TEST_F(LogBacklogTest, HoldsNothingWhileTheFileTakesAll) {
  EXPECT_TRUE(write("one\n"));
  EXPECT_TRUE(backlog.is_empty());
  EXPECT_EQ(file, "one\n");
}

TEST_F(LogBacklogTest, KeepsLinesInTheirOrderUntilThereIsRoom) {
  is_full = true;
  EXPECT_FALSE(write("one\n"));
  EXPECT_FALSE(write("two\n"));
  EXPECT_FALSE(write("")) << "they wait still";
  is_full = false;
  EXPECT_TRUE(write("three\n"));
  EXPECT_TRUE(backlog.is_empty());
  EXPECT_EQ(file, "one\ntwo\nthree\n");
}

TEST_F(LogBacklogTest, MarksThePlaceOfWhatFoundNoRoomWithItsSize) {
  is_full = true;
  EXPECT_FALSE(write("first\n"));
  EXPECT_FALSE(write(std::string(LogBacklog::kMaxBytes, 'x')));
  EXPECT_FALSE(write("lost\n"));
  is_full = false;
  EXPECT_TRUE(write("next\n"));
  EXPECT_EQ(file, fmt::format("first\ngap of {}\nnext\n", LogBacklog::kMaxBytes + 5));
}

}  // namespace
}  // namespace leanto
