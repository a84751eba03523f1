#include "cli/table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace leanto::cli {
namespace {

using ::testing::ElementsAre;

TEST(TableText, CountsColumnsOfTheTerminal) {
  EXPECT_EQ(display_width(""), 0u);
  EXPECT_EQ(display_width("naïve"), 5u);
  EXPECT_EQ(display_width("nai\u0308ve"), 5u);  // the dots are a character of their own
  EXPECT_EQ(display_width("日本"), 4u);
  EXPECT_EQ(display_width("\xff\xfe"), 2u);
  EXPECT_EQ(display_width("\xe6\x97"), 2u);  // the rest is missing
}

TEST(TableText, CutsOnlyWhatIsTooWide) {
  EXPECT_EQ(cut_text("train", 5, CutAt::kEnd), "train");
  EXPECT_EQ(cut_text("trainer", 5, CutAt::kEnd), "trai…");
  EXPECT_EQ(cut_text("/home/me/demo", 6, CutAt::kStart), "…/demo");
  EXPECT_EQ(cut_text("train", 1, CutAt::kEnd), "…");
  EXPECT_EQ(cut_text("train", 0, CutAt::kEnd), "");
}

TEST(TableText, NeverCutsThroughACharacter) {
  EXPECT_EQ(cut_text("äöüß", 3, CutAt::kEnd), "äö…");
  EXPECT_EQ(cut_text("äöüß", 3, CutAt::kStart), "…üß");
  EXPECT_EQ(cut_text("日本語", 4, CutAt::kEnd), "日…");  // half of a wide one doesn't fit
}

TEST(TableText, ReplacesWhatATerminalWouldObey) {
  EXPECT_EQ(printable("a\tb\nc"), "a b c");
  EXPECT_EQ(printable("\x1b[31mred"), "\uFFFD[31mred");
  EXPECT_EQ(printable("\u202Egpj.exe"), "\uFFFDgpj.exe");
  EXPECT_EQ(printable("\xc2\x9b"
                      "2J"),
            "\uFFFD2J");  // an escape sequence in one character
  EXPECT_EQ(printable("\xff"), "\uFFFD");
  EXPECT_EQ(printable("\xc0\x80"), "\uFFFD\uFFFD");  // an overlong zero
  EXPECT_EQ(printable("größe"), "größe");
}

TEST(Table, PutsNumbersToTheRightAndTextToTheLeft) {
  Table table({number_column("PID"), {"SERVICE"}, {"STATE"}});
  table.add({"7", "demo.train", "idle"});
  table.add({"12345", "f", "busy"});
  EXPECT_EQ(table.render({}),
            "  PID  SERVICE     STATE\n"
            "    7  demo.train  idle\n"
            "12345  f           busy\n");
}

TEST(Table, CutsTheWidestColumnFirstAndNeverANumber) {
  Table table({number_column("BYTES"), {"SERVICE"}, {"PROJECT", Shrink::kFirst, CutAt::kStart}});
  table.add({"123456789012", "demo.train.epoch", "/home/somebody/projects/demo"});
  EXPECT_EQ(table.render({40, Colour::kNo}),
            "       BYTES  SERVICE       PROJECT\n"
            "123456789012  demo.train.…  …ojects/demo\n");
}

TEST(Table, KeepsWhatPeopleCopyAsLongAsItCan) {
  const std::vector<Column> columns{{"A"}, {"B", Shrink::kLast}, number_column("C")};
  EXPECT_THAT(fit_columns(columns, {30, 30, 10}, 60), ElementsAre(20, 30, 10));
  EXPECT_THAT(fit_columns(columns, {30, 30, 10}, 40), ElementsAre(8, 22, 10));
  EXPECT_THAT(fit_columns(columns, {30, 30, 10}, 5), ElementsAre(8, 8, 10));
  EXPECT_THAT(fit_columns(columns, {3, 3, 3}, 100), ElementsAre(3, 3, 3));
}

TEST(Table, IsNeverWiderThanTheScreen) {
  Table table({number_column("PID"), {"SERVICE"}, {"PROJECT"}});
  table.add({"12345", "a.service.of.some.length", "/a/project/somewhere"});
  for (const std::size_t width : {1u, 5u, 20u, 30u, 100u}) {
    const std::string text = table.render({width, Colour::kNo});
    std::string_view rest = text;
    while (!rest.empty()) {
      const std::size_t newline = rest.find('\n');
      EXPECT_LE(display_width(rest.substr(0, newline)), width);
      rest.remove_prefix(newline + 1);
    }
  }
}

TEST(Table, ShowsNamesWithControlCharactersOnOneLine) {
  Table table({{"NAME"}, {"KIND"}});
  table.add({"two\nlines\x1b[2J", "value"});
  EXPECT_EQ(table.render({}), "NAME           KIND\ntwo lines\uFFFD[2J  value\n");
}

TEST(Table, PaintsOnlyTheTitles) {
  Table table({{"NAME"}});
  table.add({"demo"});
  EXPECT_EQ(table.render({80, Colour::kYes}), "\x1b[1mNAME\x1b[0m\ndemo\n");
}

}  // namespace
}  // namespace leanto::cli
