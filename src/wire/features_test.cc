#include "wire/features.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace leanto::wire {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

const Features kOurs{"0.5.0", {"call", "stream"}, {"call"}};

std::string refusal(const Json& said) {
  const Status checked = check_features(kOurs, read_features(said), "the client");
  if (checked) return "";
  EXPECT_EQ(checked.error().kind, ErrorKind::kProtocol);
  return checked.error().message;
}

TEST(Features, ThatBothHaveAreEnough) {
  EXPECT_EQ(refusal({{"version", "0.5.0"}, {"features", {"call", "stream"}}, {"needs", {"call"}}}),
            "");
}

TEST(Features, OfANewerSideThatNobodyNeedsAreNoReasonToRefuse) {
  EXPECT_EQ(refusal({{"version", "9.0"}, {"features", {"call", "warp"}}, {"needs", {"stream"}}}),
            "");
}

TEST(Features, ThatANewerSideNeedsMakeTheOlderOneSayThatItIsTheOneToUpgrade) {
  EXPECT_THAT(refusal({{"version", "9.0"}, {"features", {"call"}}, {"needs", {"call", "warp"}}}),
              AllOf(HasSubstr("the client (leanto 9.0) needs 'warp', which leanto 0.5.0 can't do"),
                    HasSubstr("upgrade leanto on the side that says this")));
}

TEST(Features, ThatAnOlderSideLacksMakeTheNewerOneSayWhoIsTheOneToUpgrade) {
  EXPECT_THAT(
      refusal({{"version", "0.1.0"}, {"features", {"stream"}}}),
      HasSubstr("leanto 0.5.0 needs 'call', which the client (leanto 0.1.0) can't do: upgrade "
                "the client"));
}

TEST(Features, OfASideThatSaysNothingAreNone) {
  EXPECT_EQ(read_features(Json::object()), Features());
  EXPECT_THAT(refusal(Json::object()), HasSubstr("of an unknown version"));
}

TEST(Features, OfTheWrongTypeAreNone) {
  EXPECT_EQ(read_features({{"version", 1}, {"features", "call"}, {"needs", {1, nullptr}}}),
            Features());
}

TEST(Features, AreReadAsTheyAreSaid) {
  Json head = Json::object();
  add_features(head, kOurs);
  EXPECT_EQ(read_features(head), kOurs);
}

// The golden frames that older and newer sides say.
Json golden(std::string_view name) {
  std::ifstream file(std::filesystem::path(LEANTO_SOURCE_DIR) / "tests/golden/frames/index.json");
  for (const Json& entry : Json::parse(file)) {
    if (entry["name"] == name) return entry["head"];
  }
  return "there is no such frame";
}

TEST(Features, OfGoldenFramesSayWhoMustUpgrade) {
  const Features ours{"0.1.0", own_features(), {}};
  EXPECT_TRUE(check_features(ours, read_features(golden("hello_client")), "the client"));
  EXPECT_TRUE(check_features(ours, read_features(golden("hello_newer_node")), "the node"));
  const Status newer =
      check_features(ours, read_features(golden("hello_newer_client")), "the client");
  ASSERT_FALSE(newer);
  EXPECT_EQ(
      newer.error().message,
      "the client (leanto 9.0.0) needs 'warp', which leanto 0.1.0 can't do: upgrade leanto on the "
      "side that says this");
  const Features later{"9.0.0", {"call", "warp"}, {"warp"}};
  const Status older = check_features(later, read_features(golden("hello_node")), "the node");
  ASSERT_FALSE(older);
  EXPECT_EQ(older.error().message,
            "leanto 9.0.0 needs 'warp', which the node (leanto 0.1.0) can't do: upgrade the node");
}

}  // namespace
}  // namespace leanto::wire
