#include "base/digest.h"

#include <gtest/gtest.h>

namespace leanto {
namespace {

TEST(Digest, OfTheEmptyStringIsThePublishedSha256) {
  EXPECT_EQ(Digest::of("").hex(),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(Digest, SurvivesARoundTripThroughHex) {
  const Digest digest = Digest::of("leanto");
  EXPECT_EQ(Digest::parse(digest.hex()), digest);
}

TEST(Digest, RefusesHexThatIsShortUpperCaseOrNotHex) {
  const std::string good = Digest::of("x").hex();
  EXPECT_FALSE(Digest::parse(good.substr(1)));
  EXPECT_FALSE(Digest::parse("A" + good.substr(1)));
  EXPECT_FALSE(Digest::parse("g" + good.substr(1)));
}

}  // namespace
}  // namespace leanto
