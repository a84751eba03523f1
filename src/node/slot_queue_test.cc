#include "node/slot_queue.h"

#include <gmock/gmock.h>

#include "net/test_loop.h"

namespace leanto::node {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct SlotQueueTest : testing::Test {
  SlotQueueTest() {
    queue.set_on_waiting([this] { ++told; });
  }
  struct Asked {
    bool served = false;
    HeldSlots got;
  };
  std::shared_ptr<Asked> ask(const SlotAsk& what, const std::string& party = "a program") {
    auto asked = std::make_shared<Asked>();
    auto wait = [](SlotQueue& from, SlotAsk wanted, std::string of,
                   std::shared_ptr<Asked> into) -> net::Task<> {
      into->got = co_await from.acquire(std::move(wanted), std::move(of));
      into->served = true;
    };
    test.loop.spawn("ask", wait(queue, what, party, asked));
    test.settle();
    return asked;
  }
  void release(const Asked& asked) {
    queue.release(asked.got.id);
    test.settle();
  }

  net::TestLoop test;
  SlotQueue queue{test.loop, {4, 1'000'000'000, {{"0", "A10G"}}}};
  int told = 0;
};

TEST_F(SlotQueueTest, ServesAtOnceWhoAsksForNothingOrForLittle) {
  const auto nothing = ask({});
  EXPECT_TRUE(nothing->served);
  EXPECT_EQ(nothing->got.id, 0u);
  const auto little = ask({1, 0, 0, {}});
  EXPECT_TRUE(little->served);
  EXPECT_EQ(little->got.holding.cpus, 1);
  EXPECT_EQ(told, 0);
}

TEST_F(SlotQueueTest, LetsOthersWaitUntilSomethingIsGivenBack) {
  const auto first = ask({0, 0, 1, {}});
  const auto second = ask({0, 0, 1, {}});
  const auto third = ask({0, 0, 0.5, {}});
  EXPECT_TRUE(first->served);
  EXPECT_FALSE(second->served);
  EXPECT_FALSE(third->served);
  EXPECT_EQ(told, 2);
  EXPECT_EQ(queue.waiting().size(), 2u);
  release(*first);
  EXPECT_TRUE(second->served);
  EXPECT_FALSE(third->served);
  EXPECT_EQ(told, 3) << "one still waits";
  release(*second);
  EXPECT_TRUE(third->served);
  EXPECT_THAT(queue.waiting(), IsEmpty());
}

TEST_F(SlotQueueTest, ServesTheOnlyServiceOfOneProgramBeforeTheManyOfAnother) {
  const auto holder = ask({4, 0, 0, {}}, "greedy");
  std::vector<std::shared_ptr<Asked>> greedy;
  for (int i = 0; i < 10; ++i) greedy.push_back(ask({4, 0, 0, {}}, "greedy"));
  const auto modest = ask({3, 0, 0, {}}, "modest");
  EXPECT_EQ(queue.waiting()[1].cpus, 3);
  release(*holder);
  EXPECT_TRUE(greedy[0]->served);
  release(*greedy[0]);
  EXPECT_TRUE(modest->served);
  EXPECT_FALSE(greedy[1]->served);
  const auto again = ask({4, 0, 0, {}}, "modest");
  release(*modest);
  EXPECT_TRUE(greedy[1]->served) << "who comes back waits for the others' turns";
  release(*greedy[1]);
  EXPECT_TRUE(again->served);
}

TEST_F(SlotQueueTest, LetsThoseByWhoWantSomethingElse) {
  const auto first = ask({1, 0, 1, {}});
  const auto second = ask({0, 0, 1, {}});
  const auto third = ask({2, 0, 0, {}});
  EXPECT_FALSE(second->served);
  EXPECT_TRUE(third->served);
  release(*third);
  EXPECT_FALSE(second->served);
  release(*first);
  EXPECT_TRUE(second->served);
}

TEST_F(SlotQueueTest, RefusesWhatTheNodeDoesNotHave) {
  EXPECT_TRUE(queue.check("shop.train", {0, 0, 1, {}}).has_value());
  const Status refused = queue.check("shop.train", {0, 0, 0, {{"H100", 1}}});
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().kind, ErrorKind::kCapacity);
  EXPECT_THAT(refused.error().message,
              HasSubstr("shop.train asks for 1 x H100 in each worker, and this node has 1 x A10G, "
                        "4 CPUs, 1 GB of memory in all"));
}

}  // namespace
}  // namespace leanto::node
