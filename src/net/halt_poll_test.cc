#include "net/halt_poll.h"

#include <gtest/gtest.h>

namespace leanto::net {
namespace {

TEST(HaltPoll, LooksOnlyForWhatIsExpectedAndOnce) {
  HaltPoll poll(2);
  EXPECT_EQ(poll.take(), Duration(0));
  poll.expect(1);
  EXPECT_EQ(poll.take(), HaltPoll::kLongest);
  EXPECT_EQ(poll.take(), Duration(0));
}

TEST(HaltPoll, LeavesItWhereTheOthersNeedAllCores) {
  HaltPoll two(2);
  two.expect(2);
  EXPECT_EQ(two.take(), Duration(0));
  HaltPoll one(1);
  one.expect(1);
  EXPECT_EQ(one.take(), Duration(0));
  HaltPoll many(16);
  many.expect(15);
  EXPECT_EQ(many.take(), HaltPoll::kLongest);
}

TEST(HaltPoll, TriesLessOftenTheMoreOftenItWasInVain) {
  HaltPoll poll(2);
  int tried = 0;
  for (int i = 0; i < 10'000; ++i) {
    poll.expect(1);
    if (poll.take() == Duration(0)) continue;
    ++tried;
    poll.found_nothing();
  }
  EXPECT_GT(tried, 10'000 / 64);
  EXPECT_LT(tried, 10'000 / 64 + 16);
}

TEST(HaltPoll, TriesEachTimeAgainOnceItFoundSomething) {
  HaltPoll poll(2);
  for (int i = 0; i < 3; ++i) {
    poll.expect(1);
    if (poll.take() > Duration(0)) poll.found_nothing();
  }
  Duration length(0);
  for (int i = 0; i < 64 && length == Duration(0); ++i) {
    poll.expect(1);
    length = poll.take();
  }
  ASSERT_EQ(length, HaltPoll::kLongest);
  poll.found();
  for (int i = 0; i < 3; ++i) {
    poll.expect(1);
    EXPECT_EQ(poll.take(), HaltPoll::kLongest);
    poll.found();
  }
}

}  // namespace
}  // namespace leanto::net
