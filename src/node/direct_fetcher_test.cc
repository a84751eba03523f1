#include "node/direct_fetcher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "node/fake_worker.h"

namespace leanto::node {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using wire::FrameType;
using wire::Json;

// A node that has the value, played by the test.
struct DirectFetcherTest : testing::Test {
  DirectFetcherTest() {
    auto [near, far] = make_sockets();
    there = std::make_unique<FrameSocket>(std::move(far));
    test.loop.spawn("fetch", fetch(std::move(near)));
  }
  net::Task<> fetch(UniqueFd socket) {
    fetched = co_await fetcher.fetch_value_over(socket.release(), "o1", "ticket_secret");
  }
  bool run_until_fetched() {
    return test.run_until([this] { return fetched.has_value(); });
  }
  // HELLO and ASK.
  std::vector<Heard> hear() {
    std::vector<Heard> heard;
    EXPECT_TRUE(test.run_until([&] {
      for (Heard& each : there->hear()) heard.push_back(std::move(each));
      return heard.size() >= 2;
    }));
    return heard;
  }

  net::TestLoop test;
  net::Outgoing outgoing{test.loop};
  TlsDialler dialler{test.loop};
  DirectFetcher fetcher{{test.loop, outgoing, dialler, "0.1.0", 50ms}};
  std::unique_ptr<FrameSocket> there;
  std::optional<Result<DirectFetcher::Fetched>> fetched;
};

TEST_F(DirectFetcherTest, SaysTheTicketAsksForTheValueAndHasIt) {
  const std::vector<Heard> heard = hear();
  EXPECT_EQ(heard[0].type, FrameType::kHello);
  EXPECT_EQ(heard[0].json()["token"], "ticket_secret");
  EXPECT_EQ(heard[1].type, FrameType::kAsk);
  EXPECT_EQ(heard[1].json(), (Json{{"op", "fetch"}, {"o", "o1"}, {"far", true}}));
  there->say_head(FrameType::kHello, 0, Json{{"version", "0"}});
  there->say(FrameType::kResult, heard[1].stream, wire::encode_head(Json{{"b", {2, 3}}}), "abcde");
  ASSERT_TRUE(run_until_fetched());
  ASSERT_TRUE(*fetched) << fetched->error().message;
  EXPECT_EQ((*fetched)->head["b"], (Json{2, 3}));
  EXPECT_EQ((*fetched)->body.view(), "abcde");
}

TEST_F(DirectFetcherTest, SaysWhyTheTicketIsRefused) {
  hear();
  there->say_head(FrameType::kError, 0,
                  Json{{"kind", "access_denied"}, {"message", "it has expired"}});
  ASSERT_TRUE(run_until_fetched());
  ASSERT_FALSE(*fetched);
  EXPECT_EQ(fetched->error().kind, ErrorKind::kAccessDenied);
  EXPECT_EQ(fetched->error().message, "it has expired");
}

TEST_F(DirectFetcherTest, HasNothingOfAValueOfWhichOnlyAPartCame) {
  hear();
  std::string start;
  wire::append_header(start, {FrameType::kResult, 1, 0, 100'000});
  there->say_raw(start + std::string(50'000, 'x'));
  test.settle();
  there->close();
  ASSERT_TRUE(run_until_fetched());
  ASSERT_FALSE(*fetched);
  EXPECT_EQ(fetched->error().kind, ErrorKind::kNodeLost);
}

TEST_F(DirectFetcherTest, GivesUpAConnectionOnWhichNothingComes) {
  hear();
  ASSERT_TRUE(run_until_fetched());
  ASSERT_FALSE(*fetched);
  EXPECT_EQ(fetched->error().kind, ErrorKind::kTimeout);
  EXPECT_TRUE(there->is_closed());
}

}  // namespace
}  // namespace leanto::node
