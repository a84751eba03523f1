#include "node/autostop.h"

#include <gtest/gtest.h>

#include "net/test_loop.h"
#include "os/temporary_directory.h"

namespace leanto::node {
namespace {

using namespace std::chrono_literals;

class FakeClock final : public Clock {
 public:
  WallTime wall() const override { return {}; }
  MonotonicTime monotonic() const override { return now; }
  MonotonicTime now{};
};

class AutostopTest : public testing::Test {
 protected:
  std::unique_ptr<Autostop> make() {
    return std::make_unique<Autostop>(
        Autostop::Parts{test_.loop, clock_, directory_.path() / "autostop",
                        [this] { return busy_; }, [this] { ++stops_; }});
  }
  // Long enough that it has looked.
  void look() {
    bool looked = false;
    auto wait = [this, &looked]() -> net::Task<> {
      co_await test_.loop.sleep(700ms);
      looked = true;
    };
    test_.loop.spawn("wait", wait());
    ASSERT_TRUE(test_.run_until([&] { return looked; }));
  }

  net::TestLoop test_;
  FakeClock clock_;
  TemporaryDirectory directory_;
  bool busy_ = false;
  int stops_ = 0;
};

TEST_F(AutostopTest, StopsOnceNothingWasAskedForSoLong) {
  const auto autostop = make();
  EXPECT_FALSE(autostop->after());
  ASSERT_TRUE(autostop->set(1s));
  clock_.now += 900ms;
  look();
  EXPECT_EQ(stops_, 0);
  clock_.now += 200ms;
  look();
  EXPECT_EQ(stops_, 1);
}

TEST_F(AutostopTest, WorkPutsItOffAndLookingDoesNot) {
  const auto autostop = make();
  ASSERT_TRUE(autostop->set(1s));
  clock_.now += 900ms;
  autostop->on_asked("deploy");
  clock_.now += 900ms;
  look();
  EXPECT_EQ(stops_, 0);
  autostop->on_asked("status");
  clock_.now += 200ms;
  look();
  EXPECT_EQ(stops_, 1);
}

TEST_F(AutostopTest, ABusyNodeGoesOn) {
  const auto autostop = make();
  ASSERT_TRUE(autostop->set(1s));
  busy_ = true;
  clock_.now += 1h;
  look();
  EXPECT_EQ(stops_, 0);
  busy_ = false;
  look();
  EXPECT_EQ(stops_, 0) << "the time counts from the end of its work";
  clock_.now += 2s;
  look();
  EXPECT_EQ(stops_, 1);
}

TEST_F(AutostopTest, TheSettingOutlivesTheNode) {
  auto first = make();
  ASSERT_TRUE(first->set(90s));
  EXPECT_EQ(make()->after(), Duration(90s));
  ASSERT_TRUE(first->set(std::nullopt));
  EXPECT_FALSE(make()->after());
}

TEST_F(AutostopTest, NoTimeAtAllIsRefused) { EXPECT_FALSE(make()->set(0s)); }

}  // namespace
}  // namespace leanto::node
