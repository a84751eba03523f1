#include "store/run_log_file.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "os/temporary_directory.h"

namespace leanto {
namespace {

struct RunLogFileTest : testing::Test {
  TemporaryDirectory directory;
  std::string path = (directory / "r1.log").string();

  void append(std::string_view records, std::uint64_t max = 1 << 20) {
    const Status appended = append_run_log(path, records, max);
    ASSERT_TRUE(appended) << appended.error().message;
  }
  RunLogPiece read(std::uint64_t offset, std::size_t max = 1 << 20) {
    return read_run_log(path, offset, max).value();
  }
};

TEST_F(RunLogFileTest, IsReadFromEachOffsetOfARecord) {
  append("one\n");
  append("two\nthree\n");
  EXPECT_EQ(read(0).records, "one\ntwo\nthree\n");
  EXPECT_EQ(read(4).records, "two\nthree\n");
  EXPECT_EQ(read(8).records, "three\n");
  EXPECT_EQ(read(8).next(), 14u);
  EXPECT_EQ(read(14).records, "");
  EXPECT_EQ(read(14).next(), 14u);
  EXPECT_EQ(run_log_size(path).value(), 14u);
}

TEST_F(RunLogFileTest, TakesAnOffsetWithinARecordForTheNextAndOneBehindTheEndForTheEnd) {
  append("one\ntwo\n");
  EXPECT_EQ(read(2).offset, 4u);
  EXPECT_EQ(read(2).records, "two\n");
  EXPECT_EQ(read(6).offset, 8u);
  EXPECT_EQ(read(4711).offset, 8u);
  EXPECT_EQ(read(4711).gap, 0u);
}

TEST_F(RunLogFileTest, GivesWholeRecordsHoweverLittleIsAskedFor) {
  append("one\na long record\n");
  EXPECT_EQ(read(0, 6).records, "one\n");
  EXPECT_EQ(read(4, 3).records, "a long record\n");
}

TEST_F(RunLogFileTest, IsEmptyWithoutAFile) {
  EXPECT_EQ(read(0).records, "");
  EXPECT_EQ(read(7).next(), 0u);
  EXPECT_EQ(run_log_size(path).value(), 0u);
  EXPECT_TRUE(repair_run_log(path));
}

TEST_F(RunLogFileTest, LosesItsOldestPartOverTheBoundAndSaysHowMuch) {
  std::string all;
  for (int i = 0; i < 1000; ++i) {
    const std::string record = fmt::format("record {}\n", i);
    all += record;
    append(record, 2000);
  }
  const RunLogPiece first = read(0);
  EXPECT_GT(first.gap, 0u);
  EXPECT_EQ(first.offset, first.gap);
  std::string kept = first.records;
  for (std::uint64_t at = first.next(); at < all.size();) {
    const RunLogPiece piece = read(at);
    ASSERT_FALSE(piece.records.empty()) << at;
    EXPECT_EQ(piece.offset, at);
    EXPECT_EQ(piece.gap, 0u);
    kept += piece.records;
    at = piece.next();
  }
  EXPECT_EQ(kept, all.substr(first.offset));
  EXPECT_GE(kept.size(), 900u);
  EXPECT_EQ(run_log_size(path).value(), all.size());
  const auto on_disk = [](const std::string& file) {
    return std::filesystem::exists(file) ? std::filesystem::file_size(file) : 0;
  };
  EXPECT_LE(on_disk(path) + on_disk(path + ".1"), 2100u);
}

TEST_F(RunLogFileTest, GoesOnWhereACrashLeftIt) {
  append("whole\n");
  std::ofstream(path, std::ios::app) << "unfini";
  EXPECT_EQ(read(0).records, "whole\n");
  ASSERT_TRUE(repair_run_log(path));
  append("next\n");
  EXPECT_EQ(read(0).records, "whole\nnext\n");
}

TEST_F(RunLogFileTest, GoesOnAfterACrashBetweenTheTwoFiles) {
  append("one\n");
  std::filesystem::rename(path, path + ".1");
  EXPECT_EQ(read(0).records, "one\n");
  EXPECT_EQ(read(4).next(), 4u);
  std::ofstream{path} << "{\"ba";  // not even its header was written
  append("two\n");
  EXPECT_EQ(read(0).records, "one\n");
  EXPECT_EQ(read(4).records, "two\n");
}

}  // namespace
}  // namespace leanto
