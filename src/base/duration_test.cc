#include "base/duration.h"

#include <gtest/gtest.h>

namespace leanto {
namespace {

using namespace std::chrono_literals;

TEST(ParseDuration, AddsItsParts) {
  EXPECT_EQ(parse_duration("10m"), Duration(10min));
  EXPECT_EQ(parse_duration("1h30m"), Duration(90min));
  EXPECT_EQ(parse_duration("250ms"), Duration(250ms));
  EXPECT_EQ(parse_duration("2d1h1m1s1ms"), Duration(49h + 1min + 1s + 1ms));
  EXPECT_EQ(parse_duration("0s"), Duration(0));
}

TEST(ParseDuration, RefusesEverythingElseWithAnExample) {
  for (const char* text : {"", "10", "m", "-1m", "1.5h", "1m1h", "1m1m", "10 m", "1y", "99999d",
                           "99999999999s", "10m "}) {
    const auto duration = parse_duration(text);
    ASSERT_FALSE(duration.has_value()) << text;
    EXPECT_EQ(duration.error().kind, ErrorKind::kInvalid);
    EXPECT_NE(duration.error().message.find("1h30m"), std::string::npos);
  }
}

TEST(FormatDuration, IsReadBackAsTheSame) {
  for (const char* text : {"10m", "1h30m", "250ms", "0s", "2d1h1m1s1ms"}) {
    EXPECT_EQ(format_duration(*parse_duration(text)), text);
  }
}

}  // namespace
}  // namespace leanto
