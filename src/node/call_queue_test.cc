#include "node/call_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace leanto::node {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct CallQueueTest : testing::Test {
  std::uint32_t push(const std::string& party) { return push(queue, party); }
  std::uint32_t push(CallQueue& into, const std::string& party) {
    auto call = std::make_unique<Call>();
    call->number = ++last;
    call->party = party;
    into.push(std::move(call));
    return last;
  }
  // The parties of those that are served, in order, until none waits.
  std::string serve_all() {
    std::string served;
    while (!queue.empty()) served += queue.pop()->party;
    return served;
  }

  CallQueue queue;
  std::uint32_t last = 0;
};

TEST_F(CallQueueTest, ServesOnePartyInTheOrderOfItsCalls) {
  push("a");
  push("a");
  push("a");
  EXPECT_EQ(queue.pop()->number, 1u);
  EXPECT_EQ(queue.pop()->number, 2u);
  EXPECT_EQ(queue.pop()->number, 3u);
  EXPECT_TRUE(queue.empty());
}

TEST_F(CallQueueTest, ServesTheOnlyCallOfOneBeforeTheSecondOfAnother) {
  for (int i = 0; i < 10'000; ++i) push("a");
  const std::uint32_t only = push("b");
  EXPECT_EQ(queue.position(only), 1u);
  EXPECT_EQ(queue.pop()->party, "a");
  EXPECT_EQ(queue.position(only), 0u);
  EXPECT_EQ(queue.pop()->number, only);
}

TEST_F(CallQueueTest, GivesEachPartyItsTurn) {
  for (const char* const party : {"a", "a", "a", "b", "b", "c", "a", "c"}) push(party);
  EXPECT_EQ(serve_all(), "abcabcaa");
}

TEST_F(CallQueueTest, GivesWhoComesBackNoTurnBeforeTheOthers) {
  push("a");
  push("a");
  push("b");
  EXPECT_EQ(queue.pop()->party, "a");
  EXPECT_EQ(queue.pop()->party, "b");
  push("b");
  EXPECT_EQ(serve_all(), "ab");
}

TEST_F(CallQueueTest, TakesWhoIsCancelledOutOfAnyPlace) {
  for (const char* const party : {"a", "b", "a", "a", "b"}) push(party);
  EXPECT_EQ(queue.take(1)->number, 1u);
  EXPECT_EQ(queue.take(4)->number, 4u);
  EXPECT_EQ(queue.take(4), nullptr);
  EXPECT_EQ(queue.take(77), nullptr);
  EXPECT_EQ(queue.size(), 3u);
  EXPECT_EQ(queue.pop()->number, 3u);
  EXPECT_EQ(queue.pop()->number, 2u);
  EXPECT_EQ(queue.take(5)->number, 5u);
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.next_position("a"), 0u);
}

TEST_F(CallQueueTest, GivesUpAllInTheOrderOfTheirTurns) {
  for (const char* const party : {"a", "a", "b"}) push(party);
  std::vector<std::uint32_t> numbers;
  for (const auto& call : queue.take_all()) numbers.push_back(call->number);
  EXPECT_THAT(numbers, ElementsAre(1u, 3u, 2u));
  EXPECT_TRUE(queue.empty());
}

TEST_F(CallQueueTest, SaysPositionsThatAreTrueWhateverWasCancelled) {
  std::mt19937 random(7);  // NOLINT(cert-msc51-cpp): the same each time
  std::vector<std::uint32_t> waiting;
  for (int i = 0; i < 600; ++i) {
    const std::string party(1, static_cast<char>('a' + random() % 5));
    const std::size_t expected = queue.next_position(party);
    waiting.push_back(push(party));
    EXPECT_EQ(queue.position(waiting.back()), expected);
    if (random() % 3 == 0) queue.pop();
    if (random() % 3 == 0) queue.take(waiting[random() % waiting.size()]);
  }
  std::unordered_map<std::uint32_t, std::size_t> positions;
  for (const std::uint32_t number : waiting) {
    if (const auto position = queue.position(number)) positions[number] = *position;
  }
  EXPECT_EQ(positions.size(), queue.size());
  ASSERT_GT(positions.size(), 50u);
  for (std::size_t served = 0; !queue.empty(); ++served) {
    EXPECT_EQ(positions.at(queue.pop()->number), served);
  }
}

TEST_F(CallQueueTest, IsBoundForOnePartySoThatItLeavesRoomToOthers) {
  CallQueue bounded({.party = 2, .all = 3});
  push(bounded, "a");
  EXPECT_EQ(bounded.refuse("a", "train"), std::nullopt);
  push(bounded, "a");
  const auto refused = bounded.refuse("a", "train");
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->kind, ErrorKind::kCapacity);
  EXPECT_EQ(refused->message,
            "train is busy: 2 calls of this caller wait for it already, and one caller may have no "
            "more; wait until some have ended, or cancel some");
  EXPECT_EQ(bounded.refuse("b", "train"), std::nullopt);
  bounded.take(1);
  EXPECT_EQ(bounded.refuse("a", "train"), std::nullopt);
}

TEST_F(CallQueueTest, IsBoundForAllTogether) {
  CallQueue bounded({.party = 2, .all = 3});
  push(bounded, "a");
  push(bounded, "a");
  push(bounded, "b");
  const auto refused = bounded.refuse("c", "train");
  ASSERT_TRUE(refused);
  EXPECT_THAT(refused->message, HasSubstr("3 calls of 2 callers wait for it already"));
  bounded.pop();
  EXPECT_EQ(bounded.refuse("c", "train"), std::nullopt);
}

}  // namespace
}  // namespace leanto::node
