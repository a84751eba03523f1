#include "node/tickets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "node/access.h"
#include "node/fake_worker.h"
#include "node/operation_rights.h"

namespace leanto::node {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

void pass(ManualClock& clock, Duration by) {
  clock.monotonic_ms += std::chrono::duration_cast<std::chrono::milliseconds>(by).count();
}

struct TicketsTest : testing::Test {
  ManualClock clock;
  Tickets tickets{clock};
};

TEST_F(TicketsTest, AreForOneValueAndAFewUses) {
  const std::string text = tickets.make({"o1", {}}).value();
  EXPECT_TRUE(Tickets::is_ticket(text));
  for (int use = 0; use < Tickets::kMaxUses; ++use) {
    const Result<Ticket> used = tickets.use(text);
    ASSERT_TRUE(used) << used.error().message;
    EXPECT_EQ(used->value, "o1");
  }
  const Result<Ticket> again = tickets.use(text);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().kind, ErrorKind::kAccessDenied);
  EXPECT_EQ(tickets.count(), 0u);
}

TEST_F(TicketsTest, Expire) {
  const std::string text = tickets.make({"o1", {}}).value();
  pass(clock, Tickets::kLifetime - 1ms);
  EXPECT_TRUE(tickets.use(text));
  pass(clock, 1ms);
  EXPECT_FALSE(tickets.use(text));
  EXPECT_EQ(tickets.count(), 0u);
}

TEST_F(TicketsTest, ThatAreNobodysAreRefusedAndNotSaidAgain) {
  std::string text = tickets.make({"o1", {}}).value();
  text.back() = text.back() == '0' ? '1' : '0';
  for (const std::string& wrong : {text, std::string(), std::string("ticket_"), text + "0"}) {
    const Result<Ticket> used = tickets.use(wrong);
    ASSERT_FALSE(used) << wrong;
    EXPECT_EQ(used.error().kind, ErrorKind::kAccessDenied);
    if (!wrong.empty() && wrong.size() > 10) {
      EXPECT_THAT(used.error().message, testing::Not(HasSubstr(wrong.substr(8))));
    }
  }
}

TEST_F(TicketsTest, AreBoundedAndThoseThatExpireMakeRoom) {
  for (std::size_t n = 0; n < Tickets::kMaxTickets; ++n) ASSERT_TRUE(tickets.make({"o", {}}));
  const Result<std::string> more = tickets.make({"o", {}});
  ASSERT_FALSE(more);
  EXPECT_EQ(more.error().kind, ErrorKind::kCapacity);
  pass(clock, Tickets::kLifetime);
  EXPECT_TRUE(tickets.make({"o", {}}));
}

TEST(AccessWithATicket, HasNoRightAndOneValue) {
  const Access access = Access::with(Ticket{"o1", {}});
  EXPECT_TRUE(access.is_ticket());
  EXPECT_FALSE(access.is_owner());
  EXPECT_FALSE(access.is_stranger());
  for (const Right right : {Right::kCall, Right::kDeploy, Right::kDebug, Right::kAdmin})
    EXPECT_FALSE(access.check(right, "it"));
  EXPECT_TRUE(access.check_value("o1"));
  EXPECT_FALSE(access.check_value("o2"));
  EXPECT_FALSE(access.check_value(""));
  EXPECT_EQ(access.session_of("s"), "");
  EXPECT_FALSE(Access::owner().is_ticket());
  EXPECT_FALSE(Access::stranger().check_value(""));
}

TEST(AccessWithATicket, HasNoRightAndOneTree) {
  const Access access = Access::with(Ticket{"", Digest::of("tree")});
  EXPECT_TRUE(access.is_ticket());
  EXPECT_TRUE(access.is_for_tree());
  EXPECT_FALSE(access.is_stranger());
  EXPECT_FALSE(access.check(Right::kDebug, "it"));
  EXPECT_TRUE(access.check_tree(Digest::of("tree").hex()));
  EXPECT_FALSE(access.check_tree(Digest::of("another").hex()));
  EXPECT_FALSE(access.check_tree(""));
  EXPECT_FALSE(access.check_value("o1"));
  EXPECT_FALSE(access.check_value(""));
  EXPECT_FALSE(Access::with(Ticket{"o1", {}}).check_tree(Digest::of("tree").hex()));
}

TEST(OperationRights, LetATicketOnlyFetch) {
  for (const OperationRight& row : operation_rights()) {
    const ByTicket by = by_ticket(row.operation);
    EXPECT_EQ(by == ByTicket::kItsValue, row.operation == "fetch") << row.operation;
    EXPECT_EQ(by == ByTicket::kItsTree,
              row.operation == "tree_blobs" || row.operation == "get_blobs")
        << row.operation;
  }
  EXPECT_EQ(by_ticket("no such thing"), ByTicket::kNo);
}

}  // namespace
}  // namespace leanto::node
