#include "node/access.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

namespace leanto::node {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr std::array kAll{Right::kCall, Right::kDeploy, Right::kDebug, Right::kAdmin};

TEST(Access, OfTheOwnerIsToEverything) {
  const Access owner = Access::owner();
  for (const Right right : kAll) EXPECT_TRUE(owner.check(right, "it")) << right_name(right);
  EXPECT_TRUE(owner.is_owner());
  EXPECT_FALSE(owner.is_stranger());
  EXPECT_EQ(owner.session_of("s"), "s");
}

TEST(Access, OfAStrangerIsToNothing) {
  for (const Access& stranger : {Access(), Access::stranger()}) {
    EXPECT_TRUE(stranger.is_stranger());
    EXPECT_FALSE(stranger.is_owner());
    for (const Right right : kAll) {
      const Status checked = stranger.check(right, "a call");
      ASSERT_FALSE(checked);
      EXPECT_EQ(checked.error().kind, ErrorKind::kAccessDenied);
    }
  }
}

TEST(Access, WithATokenIsToWhatThatGives) {
  const Access access = Access::with({"ab12cd34", {Right::kCall, Right::kDebug}, 0, 0});
  EXPECT_FALSE(access.is_owner());
  EXPECT_FALSE(access.is_stranger());
  EXPECT_TRUE(access.check(Right::kCall, "it"));
  EXPECT_TRUE(access.check(Right::kDebug, "it"));
  EXPECT_FALSE(access.check(Right::kAdmin, "it"));
  const Status checked = access.check(Right::kDeploy, "'save'");
  ASSERT_FALSE(checked);
  EXPECT_THAT(checked.error().message,
              AllOf(HasSubstr("'save' needs the right 'deploy'"), HasSubstr("ab12cd34"),
                    HasSubstr("gives: call,debug")));
}

TEST(Access, WithAnotherTokenHasOtherSessions) {
  const Access one = Access::with({"11111111", {Right::kCall}, 0, 0});
  const Access other = Access::with({"22222222", {Right::kCall}, 0, 0});
  EXPECT_NE(one.session_of("s"), other.session_of("s"));
  EXPECT_NE(one.session_of("s"), "s");
  EXPECT_EQ(one.session_of(""), "");
}

}  // namespace
}  // namespace leanto::node
