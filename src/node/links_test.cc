#include "node/links.h"

#include <gtest/gtest.h>

namespace leanto::node {
namespace {

const wire::Json kGreeting = {{"session", "s"}, {"received", 3}, {"features", {"link"}}};

Status refused(const wire::Json& changes) {
  wire::Json head = kGreeting;
  head.update(changes);
  const Result<LinkGreeting> greeting = parse_link_greeting(head, "1", "the node on box");
  return greeting ? Status() : Status(Failure(greeting.error()));
}

TEST(LinkGreeting, OfAPeerIsCheckedBeforeItIsBelieved) {
  EXPECT_TRUE(refused(wire::Json::object()));
  EXPECT_FALSE(refused({{"session", nullptr}}));
  EXPECT_FALSE(refused({{"session", ""}}));
  EXPECT_FALSE(refused({{"session", std::string(1000, 's')}}));
  EXPECT_FALSE(refused({{"received", nullptr}}));
  EXPECT_FALSE(refused({{"received", -1}}));
}

TEST(LinkGreeting, OfAnotherVersionSaysWhoMustBeUpgraded) {
  const Status older = refused({{"features", wire::Json::array()}, {"version", "0.1"}});
  ASSERT_FALSE(older);
  EXPECT_EQ(older.error().message,
            "leanto 1 needs 'link', which the node on box (leanto 0.1) can't do: upgrade the node "
            "on box");
  const Status newer = refused({{"needs", {"link", "warp"}}, {"version", "9"}});
  ASSERT_FALSE(newer);
  EXPECT_EQ(newer.error().message,
            "the node on box (leanto 9) needs 'warp', which leanto 1 can't do: upgrade leanto on "
            "the side "
            "that says this");
}

}  // namespace
}  // namespace leanto::node
