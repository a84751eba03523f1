#include "net/event.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "net/test_loop.h"

namespace leanto::net {
namespace {

using namespace std::chrono_literals;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr Duration kLong = 1h;

struct EventTest : testing::Test {
  void wait(Duration limit) {
    auto task = [](EventTest& self, Duration at_most) -> Task<> {
      self.outcomes.push_back(co_await self.event->wait(at_most));
    };
    test.loop.spawn("wait", task(*this, limit));
  }
  void wait() {
    auto task = [](EventTest& self) -> Task<> {
      co_await self.event->wait();
      self.outcomes.push_back(Waited::kHappened);
    };
    test.loop.spawn("wait", task(*this));
  }

  TestLoop test;
  std::unique_ptr<Event> event = std::make_unique<Event>(test.loop);
  std::vector<Waited> outcomes;
};

TEST_F(EventTest, ThatHappenedNeedsNoWait) {
  event->set();
  EXPECT_TRUE(event->is_set());
  wait();
  wait(0ms);
  wait(kLong);
  test.settle();
  EXPECT_THAT(outcomes, ElementsAre(Waited::kHappened, Waited::kHappened, Waited::kHappened));
}

TEST_F(EventTest, WakesAllWhoWait) {
  wait();
  wait(kLong);
  wait();
  wait(kLong);
  test.settle();
  EXPECT_FALSE(event->is_set());
  EXPECT_THAT(outcomes, IsEmpty());
  event->set();
  test.settle();
  EXPECT_EQ(outcomes.size(), 4u);
  EXPECT_THAT(outcomes, Each(Waited::kHappened));
}

TEST_F(EventTest, ThatDoesNotHappenEndsOnlyTheWaitsWhoseTimeIsUp) {
  wait();
  wait(1ms);
  wait(kLong);
  wait(2ms);
  ASSERT_TRUE(test.run_until([&] { return outcomes.size() == 2; }));
  EXPECT_THAT(outcomes, Each(Waited::kTimedOut));
  test.settle();
  EXPECT_EQ(outcomes.size(), 2u);
  event->set();
  test.settle();
  EXPECT_THAT(outcomes, ElementsAre(Waited::kTimedOut, Waited::kTimedOut, Waited::kHappened,
                                    Waited::kHappened));
}

TEST_F(EventTest, CanBeSetTwice) {
  wait();
  test.settle();
  event->set();
  event->set();
  test.settle();
  EXPECT_EQ(outcomes.size(), 1u);
}

TEST_F(EventTest, CanGoAsSoonAsTheWaitsHaveEnded) {
  for (int i = 0; i < 20; ++i) wait(1ms);
  const auto end = std::chrono::steady_clock::now() + 2ms;
  test.settle();
  while (std::chrono::steady_clock::now() < end) {  // so that expiry and event come together
  }
  event->set();
  ASSERT_TRUE(test.run_until([&] { return outcomes.size() == 20; }));
  event.reset();
  test.settle();
}

}  // namespace
}  // namespace leanto::net
