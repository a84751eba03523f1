#include "base/shell_word.h"

#include <gtest/gtest.h>

namespace leanto {
namespace {

TEST(ShellWord, IsQuotedWhereAShellWouldReadMoreIntoIt) {
  EXPECT_EQ(shell_word("you@box:/srv/a-b_c.d"), "you@box:/srv/a-b_c.d");
  EXPECT_EQ(shell_word(""), "''");
  EXPECT_EQ(shell_word("two words"), "'two words'");
  EXPECT_EQ(shell_word("it's"), "'it'\\''s'");
  EXPECT_EQ(shell_word("[::1]"), "'[::1]'");
  EXPECT_EQ(shell_word("[::1]", "[]"), "[::1]");
}

}  // namespace
}  // namespace leanto
