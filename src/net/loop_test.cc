#include "net/loop.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

#include "net/test_loop.h"

namespace leanto::net {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;

TEST(Loop, RunsUntilItIsStopped) {
  Loop loop([](auto...) {});
  std::vector<int> order;
  loop.post([&] { order.push_back(1); });
  loop.post([&] {
    order.push_back(2);
    loop.stop();
  });
  loop.run();
  EXPECT_THAT(order, ElementsAre(1, 2));
}

TEST(Loop, HandlesWhatComesWhileItLooksForItAndWhatComesLater) {
  Loop loop([](auto...) {});
  std::vector<int> order;
  auto next = [&](int number) {
    return [&, number] {
      order.push_back(number);
      loop.expect_soon(0);
      if (number == 3) loop.stop();
    };
  };
  std::vector<std::thread> others;
  loop.post([&] {
    next(1)();
    others.emplace_back([&] { loop.post(next(2)); });
    others.emplace_back([&] {
      std::this_thread::sleep_for(20ms);  // it sleeps by then
      loop.post(next(3));
    });
  });
  loop.run();
  for (std::thread& other : others) other.join();
  EXPECT_THAT(order, ElementsAre(1, 2, 3));
}

TEST(Loop, SaysWhichTaskThrewAndWhat) {
  std::vector<std::string> defects;
  Loop loop([&](std::string_view task, std::string_view what) {
    defects.push_back(std::string(task) + ": " + std::string(what));
    loop.stop();
  });
  auto throwing = [](Loop& on) -> Task<> {
    co_await on.sleep(0ms);
    throw std::runtime_error("a defect");
  };
  loop.spawn("the task", throwing(loop));
  loop.run();
  EXPECT_THAT(defects, ElementsAre("the task: a defect"));
}

TEST(LoopInBackground, ReturnsValuesInOrderOnTheLoopsThread) {
  TestLoop test;
  std::vector<int> worked;  // touched by the background thread only, until all is done
  std::vector<int> returned;
  auto one = [](TestLoop& on, std::vector<int>& did, std::vector<int>& got, int i) -> Task<> {
    const std::thread::id here = std::this_thread::get_id();
    auto work = [&did, i, here] {
      EXPECT_NE(std::this_thread::get_id(), here);
      did.push_back(i);
      return std::make_unique<int>(i);  // a value that only moves
    };
    const std::unique_ptr<int> value = co_await on.loop.in_background(std::move(work));
    EXPECT_EQ(std::this_thread::get_id(), here);
    got.push_back(*value);
  };
  for (int i = 0; i < 100; ++i) test.loop.spawn("one", one(test, worked, returned, i));
  ASSERT_TRUE(test.run_until([&] { return returned.size() == 100; }));
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(worked[static_cast<std::size_t>(i)], i);
    EXPECT_EQ(returned[static_cast<std::size_t>(i)], i);
  }
}

TEST(LoopInBackground, WorkThatIsUnderWayIsFinishedBeforeTheLoopGoes) {
  std::atomic<int> finished = 0;
  {
    TestLoop test;
    auto task = [](TestLoop& on, std::atomic<int>& count) -> Task<> {
      auto work = [&count] { return ++count; };
      (void)co_await on.loop.in_background(std::move(work));
    };
    for (int i = 0; i < 10; ++i) test.loop.spawn("task", task(test, finished));
    test.settle();
  }
  EXPECT_EQ(finished, 10);
}

}  // namespace
}  // namespace leanto::net
