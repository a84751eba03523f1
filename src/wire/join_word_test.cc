#include "wire/join_word.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace leanto::wire {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(JoinWord, IsReadAsItIsWritten) {
  for (const JoinWord& word :
       {JoinWord{"10.0.0.7", 7433, "ab12", "lt_1_2"}, JoinWord{"fd00::7", 7433, "ab12", "lt_1_2"},
        JoinWord{"box.example.org", 1, "", ""}, JoinWord{"box", 65535, "", "lt_1_2"}}) {
    SCOPED_TRACE(word.text());
    const Result<JoinWord> read = parse_join_word(word.text());
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(*read, word);
  }
}

TEST(JoinWord, HasOneForm) {
  const JoinWord word{"fd00::7", 7433, "ab12", "lt_1_2"};
  EXPECT_EQ(word.text(), "leanto://[fd00::7]:7433?fingerprint=ab12&token=lt_1_2");
  EXPECT_EQ(word.url(), "leanto://[fd00::7]:7433");
}

TEST(JoinWord, MayEndWithASlash) {
  EXPECT_EQ(parse_join_word("leanto://box:1/?token=x")->host, "box");
}

TEST(JoinWord, ThatMakesNoSenseIsRefusedWithoutItsSecret) {
  for (const char* const text :
       {"http://box:1?token=SECRET", "leanto://box?token=SECRET", "leanto://:1?token=SECRET",
        "leanto://box:0?token=SECRET", "leanto://box:65536?token=SECRET",
        "leanto://box:1x?token=SECRET", "leanto://-box:1?token=SECRET",
        "leanto://fd00::7:1?token=SECRET", "leanto://[box]:1?token=SECRET",
        "leanto://bo x:1?token=SECRET", "leanto://box:1?token=SEC\nRET",
        "leanto://box:1?tok=SECRET", "leanto://user@box:1?token=SECRET",
        "leanto://bo\x1bx:1?token=SECRET", "", "SECRET"}) {
    SCOPED_TRACE(text);
    const Result<JoinWord> read = parse_join_word(text);
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().kind, ErrorKind::kInvalid);
    EXPECT_THAT(read.error().message, Not(HasSubstr("SEC")));
  }
}

}  // namespace
}  // namespace leanto::wire
