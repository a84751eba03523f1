#include "node/tokens.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "node/fake_worker.h"
#include "os/temporary_directory.h"

namespace leanto::node {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

struct TokensTest : testing::Test {
  Tokens::Made make(std::vector<Right> rights = {Right::kCall}, Duration lifetime = 1h) {
    const auto made = test.get(tokens.create(std::move(rights), lifetime));
    EXPECT_TRUE(made) << made.error().message;
    return made.value_or(Tokens::Made{});
  }
  std::string refusal(std::string_view text) {
    const auto token = tokens.check(text);
    if (token) return "no error";
    EXPECT_EQ(token.error().kind, ErrorKind::kAccessDenied);
    return token.error().message;
  }

  TemporaryDirectory directory;
  Ledger ledger = *Ledger::open(directory.path() / "ledger.sqlite");
  net::TestLoop test;
  ManualClock clock;
  LedgerAccess access{test.loop, ledger};
  Tokens tokens{access, clock};
};

TEST_F(TokensTest, AreGoodForWhatTheyWereMadeFor) {
  const Tokens::Made made = make({Right::kCall, Right::kAdmin});
  EXPECT_THAT(made.text, StartsWith("lt_" + made.token.id + "_"));
  const auto token = tokens.check(made.text);
  ASSERT_TRUE(token);
  EXPECT_TRUE(token->may(Right::kCall));
  EXPECT_TRUE(token->may(Right::kAdmin));
  EXPECT_FALSE(token->may(Right::kDeploy));
  EXPECT_NE(make().text, make().text);
}

TEST_F(TokensTest, ThatAreAlmostRightAreWrong) {
  const std::string text = make().text;
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string other = text;
    other[i] = other[i] == '0' ? '1' : '0';
    EXPECT_THAT(refusal(other), HasSubstr("not one of this node")) << i;
    EXPECT_THAT(refusal(text.substr(0, i)), HasSubstr("not one of this node")) << i;
  }
  EXPECT_THAT(refusal(text + "0"), HasSubstr("not one of this node"));
}

TEST_F(TokensTest, ExpireAtTheirTimeAndNotBefore) {
  const std::string text = make({Right::kCall}, 1h).text;
  clock.wall_ms += 3'600'000 - 1;
  EXPECT_TRUE(tokens.check(text));
  clock.wall_ms += 1;
  EXPECT_THAT(refusal(text), HasSubstr("has expired"));
}

TEST_F(TokensTest, ThatAreRevokedAreGoodForNothing) {
  const Tokens::Made made = make();
  EXPECT_TRUE(test.get(tokens.revoke(made.token.id)));
  EXPECT_THAT(refusal(made.text), HasSubstr("not one of this node"));
  const Status again = test.get(tokens.revoke(made.token.id));
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().kind, ErrorKind::kNotFound);
}

TEST_F(TokensTest, OutliveTheDaemonWithoutTheirSecrets) {
  const Tokens::Made kept = make({Right::kDebug});
  const Tokens::Made revoked = make();
  EXPECT_TRUE(test.get(tokens.revoke(revoked.token.id)));
  const auto records = ledger.tokens();
  ASSERT_TRUE(records);
  ASSERT_EQ(records->size(), 1u);
  EXPECT_EQ(records->front().digest.size(), 64u);
  EXPECT_THAT(kept.text, ::testing::Not(HasSubstr(records->front().digest)));
  Tokens later(access, clock);
  EXPECT_TRUE(later.restore(ledger));
  EXPECT_TRUE(later.check(kept.text)->may(Right::kDebug));
  EXPECT_FALSE(later.check(revoked.text));
}

TEST_F(TokensTest, LiveForATimeThatMakesSense) {
  for (const Duration lifetime : {Duration(0s), Duration(-1s), Duration(24h * 4000)}) {
    EXPECT_FALSE(test.get(tokens.create({Right::kCall}, lifetime)));
  }
}

TEST(Rights, AreNamedWithCommasBetween) {
  EXPECT_THAT(*parse_rights("admin,call,admin"), ElementsAre(Right::kAdmin, Right::kCall));
  EXPECT_EQ(rights_text({Right::kDeploy, Right::kDebug}), "deploy,debug");
  for (const char* const text : {"", ",", "call,", "Call", "call admin", "all"}) {
    EXPECT_FALSE(parse_rights(text)) << text;
  }
}

}  // namespace
}  // namespace leanto::node
