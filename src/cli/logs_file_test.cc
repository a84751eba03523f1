#include "cli/logs_file.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "os/temporary_directory.h"

namespace leanto::cli {
namespace {

// A line of the file stands for itself and the letters after a comma for lines of their own: "a,b"
// is "a\nb\n", and "a+" is "a" without an end.
std::string text_of(std::string_view line) {
  std::string text(line);
  std::replace(text.begin(), text.end(), ',', '\n');
  if (text.ends_with('+')) return text.substr(0, text.size() - 1);
  return text + "\n";
}

class LogFileTest : public ::testing::Test {
 protected:
  const TemporaryDirectory directory_;
  const std::string path_ = (directory_ / "demo.jsonl").string();

  void append(const std::string& text) { std::ofstream(path_, std::ios::app) << text; }
  void rotate() { std::filesystem::rename(path_, path_ + ".1"); }

  static std::string read_all(GrowingLog& log) {
    std::string all;
    while (true) {
      const Result<std::string> lines = log.read();
      EXPECT_TRUE(lines.has_value()) << lines.error().message;
      if (!lines || lines->empty()) return all;
      all += *lines;
    }
  }
  GrowingLog open(std::optional<std::size_t> lines = std::nullopt) {
    Result<GrowingLog> log = GrowingLog::open(path_, lines, text_of);
    EXPECT_TRUE(log.has_value()) << log.error().message;
    return *std::move(log);
  }
  // What `-n lines` begins with, and how many lines of it are left out.
  std::pair<std::string, std::size_t> last(std::size_t lines) {
    GrowingLog log = open(lines);
    return {read_all(log), log.skip()};
  }
};

using Last = std::pair<std::string, std::size_t>;

TEST_F(LogFileTest, NeedNotBeThereYet) {
  GrowingLog log = open();
  EXPECT_EQ(read_all(log), "");
  append("a\n");
  EXPECT_EQ(read_all(log), "a\n");
}

TEST_F(LogFileTest, IsReadAsItGrowsInWholeLines) {
  append("a\nb\nhal");
  GrowingLog log = open();
  EXPECT_EQ(read_all(log), "a\nb\n");
  append("f");
  EXPECT_EQ(read_all(log), "");
  append("\nc\n");
  EXPECT_EQ(read_all(log), "half\nc\n");
}

TEST_F(LogFileTest, BeginsWithTheRotatedFile) {
  append("a\n");
  rotate();
  append("b\n");
  GrowingLog log = open();
  EXPECT_EQ(read_all(log), "a\nb\n");
}

TEST_F(LogFileTest, IsFollowedAcrossARotation) {
  append("a\n");
  GrowingLog log = open();
  EXPECT_EQ(read_all(log), "a\n");
  append("b\n");
  rotate();
  EXPECT_EQ(read_all(log), "b\n");
  append("c\n");
  EXPECT_EQ(read_all(log), "c\n");
}

TEST_F(LogFileTest, IsFollowedAcrossTwoRotationsAtOnce) {
  append("a\n");
  GrowingLog log = open();
  EXPECT_EQ(read_all(log), "a\n");
  rotate();
  append("b\n");
  std::filesystem::last_write_time(
      path_, std::filesystem::last_write_time(path_ + ".1") + std::chrono::seconds(1));
  rotate();
  append("c\n");
  EXPECT_EQ(read_all(log), "b\nc\n");
}

TEST_F(LogFileTest, IsNotReadTwiceWhenSomebodyRemovedIt) {
  append("a\n");
  rotate();
  std::filesystem::last_write_time(
      path_ + ".1", std::filesystem::file_time_type::clock::now() - std::chrono::hours(1));
  append("b\n");
  GrowingLog log = open();
  EXPECT_EQ(read_all(log), "a\nb\n");
  std::filesystem::remove(path_);
  append("c\n");
  EXPECT_EQ(read_all(log), "c\n");
}

TEST_F(LogFileTest, IsReadAgainWhenSomebodyEmptiedIt) {
  append("a\nb\n");
  GrowingLog log = open();
  EXPECT_EQ(read_all(log), "a\nb\n");
  std::filesystem::resize_file(path_, 0);
  EXPECT_EQ(read_all(log), "");
  append("c\n");
  EXPECT_EQ(read_all(log), "c\n");
}

TEST_F(LogFileTest, KeepsAnUnfinishedLineApartFromTheNextFile) {
  append("a\nhalf");
  rotate();
  append("b\n");
  GrowingLog log = open();
  EXPECT_EQ(read_all(log), "a\nhalf\nb\n");
}

TEST_F(LogFileTest, GivesItsLastLines) {
  append("a,b\nc\nd,e,f\n");
  EXPECT_EQ(last(0), Last("", 0));
  EXPECT_EQ(last(1), Last("d,e,f\n", 2));
  EXPECT_EQ(last(3), Last("c\nd,e,f\n", 1));  // all of `c` is left out
  EXPECT_EQ(last(4), Last("a,b\nc\nd,e,f\n", 2));
  EXPECT_EQ(last(5), Last("a,b\nc\nd,e,f\n", 1));
  EXPECT_EQ(last(6), Last("a,b\nc\nd,e,f\n", 0));
  EXPECT_EQ(last(99), Last("a,b\nc\nd,e,f\n", 0));
}

TEST_F(LogFileTest, CountsAnUnfinishedTextAsALine) {
  append("a,b\nc+\nd+\n");  // a, b, cd
  EXPECT_EQ(last(1), Last("a,b\nc+\nd+\n", 2));
  EXPECT_EQ(last(2), Last("a,b\nc+\nd+\n", 1));
}

TEST_F(LogFileTest, LooksForItsLastLinesInTheRotatedFileToo) {
  append("a,b\n");
  rotate();
  append("c\n");
  EXPECT_EQ(last(1), Last("a,b\nc\n", 2));
  EXPECT_EQ(last(2), Last("a,b\nc\n", 1));
  EXPECT_EQ(last(9), Last("a,b\nc\n", 0));
  rotate();
  EXPECT_EQ(last(1), Last("c\n", 0));
}

TEST_F(LogFileTest, LeavesOutWhatIsBeingWrittenWhereItBegins) {
  append("a\nb\nhal");
  GrowingLog log = open(0);
  EXPECT_EQ(read_all(log), "");
  append("f\n");
  EXPECT_EQ(read_all(log), "half\n");
}

TEST_F(LogFileTest, FindsItsLastLinesFarFromTheBeginning) {
  std::string many;
  for (int i = 0; i < 100'000; ++i) many += std::to_string(i) + "\n";
  const std::string long_line(300'000, 'x');
  append(many + long_line + "\nend\n");
  EXPECT_EQ(last(2), Last("99999\n" + long_line + "\nend\n", 1));
}

TEST_F(LogFileTest, SaysWhyItCannotBeRead) {
  std::filesystem::create_directory(path_);
  const Result<GrowingLog> log = GrowingLog::open(path_, 1, text_of);
  ASSERT_FALSE(log.has_value());
  EXPECT_NE(log.error().message.find(path_), std::string::npos) << log.error().message;
}

}  // namespace
}  // namespace leanto::cli
