#include "base/byte_size.h"

#include <gtest/gtest.h>

namespace leanto {
namespace {

TEST(ParseByteSize, KnowsPowersOfThousandAndOf1024) {
  EXPECT_EQ(parse_byte_size("16GB"), 16'000'000'000u);
  EXPECT_EQ(parse_byte_size("16GiB"), std::uint64_t{16} << 30);
  EXPECT_EQ(parse_byte_size("512MB"), 512'000'000u);
  EXPECT_EQ(parse_byte_size("1KiB"), 1024u);
  EXPECT_EQ(parse_byte_size("2TB"), 2'000'000'000'000u);
  EXPECT_EQ(parse_byte_size("7B"), 7u);
}

TEST(ParseByteSize, TakesFractionsOneSpaceAndAnyCase) {
  EXPECT_EQ(parse_byte_size("1.5GB"), 1'500'000'000u);
  EXPECT_EQ(parse_byte_size("16 gb"), 16'000'000'000u);
  EXPECT_EQ(parse_byte_size("0.5mib"), 512u * 1024);
  EXPECT_EQ(parse_byte_size("0GB"), 0u);
}

TEST(ParseByteSize, RefusesEverythingElseWithAnExample) {
  for (const char* text : {"", "16", "GB", "-1GB", "16 XB", "16GBs", " 16GB", "16  GB", "1e3GB",
                           "nanGB", "infGB", "99999999TB", "16GB ", "0x10GB"}) {
    const auto size = parse_byte_size(text);
    ASSERT_FALSE(size.has_value()) << text;
    EXPECT_EQ(size.error().kind, ErrorKind::kInvalid);
    EXPECT_NE(size.error().message.find("512MB"), std::string::npos);
  }
}

TEST(FormatByteSize, IsExactWhereItCanBeAndShortOtherwise) {
  EXPECT_EQ(format_byte_size(0), "0 B");
  EXPECT_EQ(format_byte_size(999), "999 B");
  EXPECT_EQ(format_byte_size(16'000'000'000), "16 GB");
  EXPECT_EQ(format_byte_size(512'000'000), "512 MB");
  EXPECT_EQ(format_byte_size(std::uint64_t{16} << 30), "16 GiB");
  EXPECT_EQ(format_byte_size(16'000'000'001), "14.9 GiB");
  EXPECT_EQ(format_byte_size(1023), "1023 B");
}

}  // namespace
}  // namespace leanto
