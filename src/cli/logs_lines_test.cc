#include "cli/logs_lines.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <time.h>

#include "cli/logs_print.h"

namespace leanto::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using wire::OutputStream;

std::string file_line(int time, int call, const std::string& stream, const std::string& text) {
  return R"({"call":)" + std::to_string(call) + R"(,"stream":")" + stream + R"(","text":")" + text +
         R"(","time":)" + std::to_string(time) + "}\n";
}

struct Printed {
  std::string out;
  std::string err;
};

Printed print(LogStyle style, const std::string& lines, std::size_t skip = 0) {
  Printed printed;
  auto sink = [&](OutputStream stream, std::string_view text) {
    (stream == OutputStream::kStderr ? printed.err : printed.out) += text;
  };
  LogPrinter printer(style, sink);
  printer.print(lines, skip);
  printer.finish();
  return printed;
}

TEST(LogLines, AreDecodedWithTheirTimeCallAndStream) {
  EXPECT_EQ(decode_log_line(R"({"call":12,"stream":"stderr","text":"a\nb","time":1738328531120})"),
            (LogEntry{1738328531120, 12, OutputStream::kStderr, "a\nb"}));
  EXPECT_EQ(decode_log_line(R"({"call":0,"stream":"stdout","text":"ü","time":0,"more":1})"),
            (LogEntry{0, 0, OutputStream::kStdout, "ü"}));
}

TEST(LogLines, ThatAreDamagedAreNothing) {
  for (const char* line :
       {"", "{", "[]", "7", R"({"text":"x"})", R"({"call":-1,"text":"x","time":1})",
        R"({"call":1,"text":7,"time":1})", R"({"call":1,"text":"x","time":"1"})",
        R"({"call":1,"text":"x","ti{"call":1,"text":"x","time":1})"}) {
    EXPECT_FALSE(decode_log_line(line)) << line;
  }
}

TEST(LogLines, AreSkippedFromTheBeginning) {
  EXPECT_EQ(skip_lines("a\nb\nc", 0), "a\nb\nc");
  EXPECT_EQ(skip_lines("a\nb\nc", 2), "c");
  EXPECT_EQ(skip_lines("a\nb\n", 2), "");
  EXPECT_EQ(skip_lines("a\nb", 2), "");
}

TEST(LineAssembler, PutsThePiecesOfEachCallAndStreamTogether) {
  LineAssembler lines;
  EXPECT_THAT(lines.add({1, 5, OutputStream::kStdout, "one "}), IsEmpty());
  EXPECT_THAT(lines.add({2, 6, OutputStream::kStdout, "other\n"}),
              ElementsAre(LogEntry{2, 6, OutputStream::kStdout, "other"}));
  EXPECT_THAT(lines.add({3, 5, OutputStream::kStderr, "error\n"}),
              ElementsAre(LogEntry{3, 5, OutputStream::kStderr, "error"}));
  EXPECT_THAT(lines.add({4, 5, OutputStream::kStdout, "line\n\ntwo\nth"}),
              ElementsAre(LogEntry{1, 5, OutputStream::kStdout, "one line"},
                          LogEntry{4, 5, OutputStream::kStdout, ""},
                          LogEntry{4, 5, OutputStream::kStdout, "two"}));
  EXPECT_THAT(lines.add({5, 2, OutputStream::kStdout, "later"}), IsEmpty());
  EXPECT_THAT(lines.take_unfinished(), ElementsAre(LogEntry{4, 5, OutputStream::kStdout, "th"},
                                                   LogEntry{5, 2, OutputStream::kStdout, "later"}));
  EXPECT_THAT(lines.take_unfinished(), IsEmpty());
}

TEST(LogPrinter, PrintsTheTextsAsTheyWereToTheirStreams) {
  const Printed printed = print(LogStyle::kText, file_line(1, 1, "stdout", "50 %\\r") +
                                                     file_line(2, 1, "stderr", "oh\\n") +
                                                     file_line(3, 2, "stdout", "done"));
  EXPECT_EQ(printed.out, "50 %\rdone");
  EXPECT_EQ(printed.err, "oh\n");
}

TEST(LogPrinter, PutsTimeAndCallBeforeEachLine) {
  ::setenv("TZ", "UTC0", 1);
  ::tzset();
  const Printed printed = print(LogStyle::kTimestamps, file_line(1, 0, "stdout", "imported\\n") +
                                                           file_line(2, 7, "stdout", "a\\nb"));
  EXPECT_EQ(printed.out,
            "1970-01-01T00:00:00.001+00:00 - imported\n"
            "1970-01-01T00:00:00.002+00:00 #7 a\n"
            "1970-01-01T00:00:00.002+00:00 #7 b\n");
}

TEST(LogPrinter, LeavesOutTheFirstLinesOfTheFirstPieceOnly) {
  const std::string lines =
      file_line(1, 1, "stdout", "a\\nb\\n") + file_line(2, 1, "stdout", "c\\nd\\n");
  EXPECT_EQ(print(LogStyle::kText, lines, 1).out, "b\nc\nd\n");
  EXPECT_EQ(print(LogStyle::kText, lines, 2).out, "c\nd\n");
  EXPECT_EQ(print(LogStyle::kJson, lines, 2).out, file_line(2, 1, "stdout", "c\\nd\\n"));
  EXPECT_EQ(print(LogStyle::kPlain, "a\nb\n", 1).out, "b\n");
}

TEST(LogPrinter, CountsDamagedLinesAndGoesOn) {
  std::string out;
  LogPrinter printer(LogStyle::kText, [&](OutputStream, std::string_view text) { out += text; });
  printer.print("{\"text\":\"ha\n" + file_line(1, 1, "stdout", "x\\n"), 0);
  EXPECT_EQ(out, "x\n");
  EXPECT_EQ(printer.damaged(), 1u);
}

}  // namespace
}  // namespace leanto::cli
