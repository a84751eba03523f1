#include "node/token_uses.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "node/fake_worker.h"
#include "os/temporary_directory.h"

namespace leanto::node {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct TokenUsesTest : testing::Test {
  Token make(Duration lifetime = 1h) {
    return test.get(tokens.create({Right::kCall}, lifetime))->token;
  }
  std::shared_ptr<void> use(const Token& token) {
    return uses.add(token.id, [this](const Error& why) { ended.push_back(why.message); });
  }

  TemporaryDirectory directory;
  Ledger ledger = *Ledger::open(directory.path() / "ledger.sqlite");
  net::TestLoop test;
  ManualClock clock;
  LedgerAccess access{test.loop, ledger};
  Tokens tokens{access, clock};
  TokenUses uses{test.loop, tokens};
  std::vector<std::string> ended;
};

TEST_F(TokenUsesTest, EndWhenTheTokenIsRevoked) {
  const Token token = make();
  const auto one = use(token);
  const auto other = use(make());
  ASSERT_TRUE(test.get(tokens.revoke(token.id)));
  ASSERT_TRUE(test.run_until([this] { return !ended.empty(); }));
  EXPECT_THAT(ended, ElementsAre(HasSubstr("was revoked")));
}

TEST_F(TokenUsesTest, EndWhenTheTokenExpires) {
  const auto one = use(make(10s));
  const auto other = use(make(1h));
  clock.wall_ms += 10'000;
  ASSERT_TRUE(test.run_until([this] { return !ended.empty(); }));
  EXPECT_THAT(ended, ElementsAre(HasSubstr("has expired")));
}

TEST_F(TokenUsesTest, ThatAreOverAreLeftAlone) {
  const Token token = make();
  auto over = use(token);
  over = nullptr;
  const auto one = use(token);
  ASSERT_TRUE(test.get(tokens.revoke(token.id)));
  ASSERT_TRUE(test.run_until([this] { return !ended.empty(); }));
  EXPECT_EQ(ended.size(), 1u);
}

TEST_F(TokenUsesTest, AreWatchedAnewAfterAllHadEnded) {
  Token token = make();
  auto one = use(token);
  ASSERT_TRUE(test.get(tokens.revoke(token.id)));
  ASSERT_TRUE(test.run_until([this] { return ended.size() == 1; }));
  token = make();
  one = use(token);
  ASSERT_TRUE(test.get(tokens.revoke(token.id)));
  EXPECT_TRUE(test.run_until([this] { return ended.size() == 2; }));
}

}  // namespace
}  // namespace leanto::node
