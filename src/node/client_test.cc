#include "node/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "node/fake_worker.h"

namespace leanto::node {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using wire::FrameType;
using wire::Json;

// A node that keeps what its client asks for.
struct ClientTest : testing::Test, ClientRequests {
  ClientTest() {
    auto [near, far] = make_sockets();
    peer = std::make_unique<FrameSocket>(std::move(far));
    client = std::make_shared<Client>(test.loop, outgoing, *this, near.release());
    test.loop.spawn("client", client->serve());
  }

  void on_hello(Client&, const Json& head) override { asked.push_back("hello " + head.dump()); }
  void on_call(const std::shared_ptr<Client>&, std::uint32_t stream, std::string_view head,
               wire::Body body) override {
    asked.push_back(fmt::format("call {} {} {}", stream, head, body.view()));
  }
  void on_ask(const std::shared_ptr<Client>&, std::uint32_t stream, std::string_view head,
              wire::Body body) override {
    asked.push_back(fmt::format("ask {} {} {}", stream, head, body.view()));
  }
  void on_cancel(std::uint32_t call) override { asked.push_back(fmt::format("cancel {}", call)); }
  void on_credit(std::uint32_t call, std::string_view head) override {
    asked.push_back(fmt::format("credit {} {}", call, head));
  }
  void on_gone(Client&) override { asked.push_back("gone"); }
  Result<std::shared_ptr<net::FrameSink>> on_link(const std::shared_ptr<net::FrameStream>&,
                                                  const Json& head, const Access& access) override {
    asked.push_back("link " + head.dump());
    linked_with = access.token();
    if (!sink) return fail(ErrorKind::kNotFound, "no such link");
    return sink;
  }
  Result<Access> check_token(std::string_view token) override {
    if (token == "good") return Access::with({"11111111", {Right::kCall}, 0, 0});
    if (token == "ticket") return Access::with(Ticket{"o1", {}});
    if (token == "tree ticket") return Access::with(Ticket{"", Digest::of("tree")});
    return fail(ErrorKind::kAccessDenied, "not '{}'", token);
  }
  std::shared_ptr<void> watch_token(const std::string& id,
                                    std::function<void(const Error&)> on_end) override {
    watched = id;
    end_token = std::move(on_end);
    return nullptr;
  }

  // Instead of the client of this user: one that came over TLS.
  void begin_as_stranger() {
    test.settle();  // the first one serves, and so is there until it's gone
    client->close();
    auto [near, far] = make_sockets();
    peer = std::make_unique<FrameSocket>(std::move(far));
    client = std::make_shared<Client>(test.loop, outgoing, *this, near.release(),
                                      wire::FrameLimits(), Access::stranger());
    test.loop.spawn("client", client->serve());
    test.settle();  // the first one is gone
    asked.clear();
  }
  // What it's told before it's left.
  Json last_words() {
    std::vector<Heard> heard;
    EXPECT_TRUE(test.run_until([&] {
      for (Heard& each : peer->hear()) heard.push_back(std::move(each));
      return peer->is_closed();
    }));
    if (heard.size() != 1 || heard[0].stream != 0) return heard.size();
    EXPECT_EQ(heard[0].type, FrameType::kError);
    return heard[0].json();
  }

  bool run_until_asked(std::size_t count) {
    return test.run_until([&] { return asked.size() >= count; });
  }

  net::TestLoop test;
  net::Outgoing outgoing{test.loop};
  std::vector<std::string> asked;
  std::shared_ptr<net::FrameSink> sink;
  std::string linked_with;  // the id of a token
  std::string watched;
  std::function<void(const Error&)> end_token;
  std::unique_ptr<FrameSocket> peer;
  std::shared_ptr<Client> client;
};

// Notes what a link is told.
struct NotedSink final : net::FrameSink {
  explicit NotedSink(std::vector<std::string>& noted) : said(noted) {}
  Status on_frame(wire::Frame& frame) override {
    said.push_back(fmt::format("frame {}", static_cast<int>(frame.type)));
    if (frame.type == FrameType::kCall) return fail(ErrorKind::kProtocol, "a call on a link");
    return {};
  }
  void on_gone() override { said.push_back("link gone"); }
  std::vector<std::string>& said;
};

TEST_F(ClientTest, ThatIsANodeSpeaksToItsLinkFromThenOn) {
  sink = std::make_shared<NotedSink>(asked);
  peer->say_head(FrameType::kLink, 0, Json{{"session", "s"}});
  peer->say(FrameType::kData, 1, "", "bytes");
  ASSERT_TRUE(run_until_asked(2));
  EXPECT_THAT(asked, ElementsAre("link {\"session\":\"s\"}", "frame 17"));
  peer->say(FrameType::kCall, 1, "", "");
  ASSERT_TRUE(run_until_asked(5));
  EXPECT_THAT(asked, ElementsAre(testing::_, testing::_, "frame 3", "link gone", "gone"));
}

TEST_F(ClientTest, WhoseLinkIsRefusedIsLeft) {
  peer->say_head(FrameType::kLink, 0, Json{{"session", "s"}});
  ASSERT_TRUE(run_until_asked(2));
  EXPECT_THAT(asked, ElementsAre("link {\"session\":\"s\"}", "gone"));
}

TEST_F(ClientTest, HandsOnWhatIsAsked) {
  peer->say_head(FrameType::kHello, 0, Json{{"pid", 1}});
  peer->say(FrameType::kCall, 3, "head", "body");
  peer->say(FrameType::kAsk, 4, "head", "body");
  ASSERT_TRUE(run_until_asked(3));
  EXPECT_THAT(asked, ElementsAre("hello {\"pid\":1}", "call 3 head body", "ask 4 head body"));
}

TEST_F(ClientTest, CancelsAndCreditsByItsOwnStreamsWhileTheirCallsLive) {
  client->started(3, 77);
  peer->say(FrameType::kCancel, 3);
  peer->say(FrameType::kCredit, 3, "n");
  peer->say(FrameType::kCancel, 4);
  peer->say(FrameType::kAsk, 1);
  ASSERT_TRUE(run_until_asked(3));
  client->ended(3);
  peer->say(FrameType::kCancel, 3);
  peer->say(FrameType::kAsk, 2);
  ASSERT_TRUE(run_until_asked(4));
  EXPECT_THAT(asked, ElementsAre("cancel 77", "credit 77 n", "ask 1  ", "ask 2  "));
}

TEST_F(ClientTest, IsToldThatItMaySayNoSuchFrame) {
  peer->say(FrameType::kReady, 5);
  std::vector<Heard> heard;
  ASSERT_TRUE(test.run_until([&] { return !(heard = peer->hear()).empty(); }));
  EXPECT_EQ(heard[0].type, FrameType::kError);
  EXPECT_EQ(heard[0].stream, 5u);
  EXPECT_EQ(heard[0].json(),
            (Json{{"kind", "protocol"}, {"message", "a client may not say frame type 10"}}));
}

TEST_F(ClientTest, ThatSpeaksNoProtocolIsToldSoAndLeft) {
  peer->say_raw("GET / HTTP/1.1\r\nHost: here\r\n\r\n");
  ASSERT_TRUE(run_until_asked(1));
  const std::vector<Heard> heard = peer->hear();
  ASSERT_EQ(heard.size(), 1u);
  EXPECT_EQ(heard[0].json()["kind"], "protocol");
  EXPECT_TRUE(peer->is_closed());
  EXPECT_THAT(asked, ElementsAre("gone"));
}

TEST_F(ClientTest, ThatGoesIsReportedOnceAndMayStillBeAnswered) {
  peer->close();
  ASSERT_TRUE(run_until_asked(1));
  client->reply(FrameType::kResult, 1, "", wire::Body("too late"));
  test.settle();
  EXPECT_THAT(asked, ElementsAre("gone"));
}

TEST_F(ClientTest, ThatDoesNotReadItsLogFindsAGapThatIsMarked) {
  const std::string log(1 << 20, 'x');
  for (int i = 0; i < 20; ++i) {
    client->reply(FrameType::kLog, 3, wire::encode_head({{"s", 1}}), wire::Body(log));
  }
  client->reply(FrameType::kResult, 3, "", wire::Body("value"));
  std::vector<Heard> heard;
  ASSERT_TRUE(test.run_until([&] {
    for (Heard& frame : peer->hear()) heard.push_back(std::move(frame));
    return !heard.empty() && heard.back().type == FrameType::kResult;
  }));
  ASSERT_GE(heard.size(), 3u);
  std::size_t bytes = 0;
  for (std::size_t i = 0; i + 2 < heard.size(); ++i) bytes += heard[i].body.size();
  EXPECT_LT(bytes, 20u << 20);
  const Heard& gap = heard[heard.size() - 2];
  EXPECT_EQ(gap.json(), (Json{{"s", 2}}));
  EXPECT_EQ(gap.body,
            fmt::format("[... {} bytes of log left out: they were not read fast enough]\n",
                        (20u << 20) - bytes));
}

TEST_F(ClientTest, HearsItsLogAgainAfterAGap) {
  const std::string log(5 << 20, 'x');
  client->reply(FrameType::kLog, 3, "", wire::Body(log));
  client->reply(FrameType::kLog, 3, "", wire::Body("left out"));
  std::vector<Heard> heard;
  ASSERT_TRUE(test.run_until([&] {
    for (Heard& frame : peer->hear()) heard.push_back(std::move(frame));
    return !heard.empty();
  }));
  test.settle();
  client->reply(FrameType::kLog, 3, "", wire::Body("heard"));
  ASSERT_TRUE(test.run_until([&] {
    for (Heard& frame : peer->hear()) heard.push_back(std::move(frame));
    return heard.size() == 3;
  }));
  EXPECT_THAT(heard[1].body, HasSubstr("[... 8 bytes of log left out"));
  EXPECT_EQ(heard[2].body, "heard");
}

TEST_F(ClientTest, ThatIsAStrangerSaysATokenBeforeAnythingElse) {
  for (const FrameType type : {FrameType::kCall, FrameType::kAsk, FrameType::kCancel,
                               FrameType::kCredit, FrameType::kResult, FrameType::kLog,
                               FrameType::kReady, FrameType::kData, FrameType::kReceived}) {
    SCOPED_TRACE(static_cast<int>(type));
    begin_as_stranger();
    peer->say_head(type, 1, Json{{"token", "good"}, {"op", "keys"}});
    peer->say_head(FrameType::kHello, 0, Json{{"token", "good"}});
    EXPECT_EQ(last_words()["kind"], "access_denied");
    ASSERT_TRUE(run_until_asked(1));
    EXPECT_THAT(asked, ElementsAre("gone"));
    asked.clear();
  }
}

TEST_F(ClientTest, ThatIsAStrangerWithoutAGoodTokenIsLeft) {
  for (const Json& said : {Json::object(), Json{{"token", "bad"}}, Json{{"token", ""}},
                           Json{{"token", 1}}, Json{{"token", nullptr}}}) {
    for (const FrameType type : {FrameType::kHello, FrameType::kLink}) {
      SCOPED_TRACE(said.dump());
      begin_as_stranger();
      peer->say_head(type, 0, said);
      peer->say(FrameType::kAsk, 1, "head");
      EXPECT_EQ(last_words()["kind"], "access_denied");
      ASSERT_TRUE(run_until_asked(1));
      EXPECT_THAT(asked, ElementsAre("gone"));
      EXPECT_EQ(watched, "");
      asked.clear();
    }
  }
}

TEST_F(ClientTest, WithAGoodTokenIsServedAsOneThatHasIt) {
  begin_as_stranger();
  peer->say_head(FrameType::kHello, 0, Json{{"token", "good"}});
  peer->say(FrameType::kAsk, 1, "head", "body");
  ASSERT_TRUE(run_until_asked(2));
  EXPECT_EQ(asked[1], "ask 1 head body");
  EXPECT_EQ(client->access().token(), "11111111");
  EXPECT_EQ(watched, "11111111");
  // What it says later changes nothing.
  peer->say_head(FrameType::kHello, 0, Json{{"token", "bad"}});
  peer->say(FrameType::kAsk, 2);
  ASSERT_TRUE(run_until_asked(4));
  EXPECT_EQ(client->access().token(), "11111111");
}

TEST_F(ClientTest, HasALinkWithTheRightsOfItsToken) {
  begin_as_stranger();
  peer->say_head(FrameType::kLink, 0, Json{{"token", "good"}});
  ASSERT_TRUE(run_until_asked(1));
  EXPECT_EQ(linked_with, "11111111");
}

TEST_F(ClientTest, IsLeftWhenItsTokenEndsAndItsCallsWithIt) {
  begin_as_stranger();
  peer->say_head(FrameType::kHello, 0, Json{{"token", "good"}});
  ASSERT_TRUE(run_until_asked(1));
  client->started(3, 77);
  asked.clear();
  end_token({ErrorKind::kAccessDenied, "it was revoked"});
  EXPECT_EQ(last_words(), (Json{{"kind", "access_denied"}, {"message", "it was revoked"}}));
  ASSERT_TRUE(run_until_asked(2));
  EXPECT_THAT(asked, ElementsAre("cancel 77", "gone"));
}

TEST_F(ClientTest, ThatIsAStrangerHasNoMemorySetAsideForItsFrames) {
  begin_as_stranger();
  std::string header;
  wire::append_header(header, {FrameType::kHello, 0, 0, std::uint64_t{1} << 33});
  peer->say_raw(header);
  EXPECT_EQ(last_words()["kind"], "protocol");
  begin_as_stranger();
  peer->say_head(FrameType::kHello, 0, Json{{"token", "good"}});
  peer->say(FrameType::kAsk, 1, "head", std::string(100'000, 'x'));
  ASSERT_TRUE(run_until_asked(2));
}

TEST_F(ClientTest, WithATicketAsksOnceAndIsLeft) {
  begin_as_stranger();
  peer->say_head(FrameType::kHello, 0, Json{{"token", "ticket"}});
  peer->say(FrameType::kAsk, 1, "head");
  ASSERT_TRUE(run_until_asked(2));
  EXPECT_EQ(asked[1], "ask 1 head ");
  EXPECT_TRUE(client->access().is_ticket());
  EXPECT_EQ(watched, "") << "what has begun goes on when the ticket expires";
  peer->say(FrameType::kAsk, 2, "head");
  EXPECT_EQ(last_words()["kind"], "access_denied");
  ASSERT_TRUE(run_until_asked(3));
  EXPECT_EQ(asked[2], "gone");
}

TEST_F(ClientTest, WithATicketForATreeAsksOneThingAtATime) {
  begin_as_stranger();
  peer->say_head(FrameType::kHello, 0, Json{{"token", "tree ticket"}});
  for (std::size_t i = 1; i <= 3; ++i) {
    peer->say(FrameType::kAsk, static_cast<std::uint32_t>(i), "head");
    ASSERT_TRUE(run_until_asked(1 + i));
    client->reply(FrameType::kResult, static_cast<std::uint32_t>(i), "", {});
  }
  peer->say(FrameType::kAsk, 4, "head");
  ASSERT_TRUE(run_until_asked(5));
  peer->say(FrameType::kAsk, 5, "head");  // the fourth hasn't been answered
  ASSERT_TRUE(run_until_asked(6));
  EXPECT_EQ(asked[5], "gone");
}

TEST_F(ClientTest, WithATicketMayDoNothingButAsk) {
  for (const FrameType type : {FrameType::kCall, FrameType::kCancel, FrameType::kCredit,
                               FrameType::kLink, FrameType::kReady, FrameType::kData}) {
    SCOPED_TRACE(static_cast<int>(type));
    begin_as_stranger();
    peer->say_head(FrameType::kHello, 0, Json{{"token", "ticket"}});
    peer->say_head(type, 1, Json{{"session", "s"}});
    EXPECT_EQ(last_words()["kind"], "access_denied");
    ASSERT_TRUE(run_until_asked(2));
    EXPECT_THAT(asked, ElementsAre(testing::StartsWith("hello"), "gone"));
  }
}

TEST_F(ClientTest, WithATicketHasNoMemorySetAsideForItsFrames) {
  begin_as_stranger();
  peer->say_head(FrameType::kHello, 0, Json{{"token", "ticket"}});
  ASSERT_TRUE(run_until_asked(1));
  std::string header;
  wire::append_header(header, {FrameType::kAsk, 1, 0, std::uint64_t{1} << 33});
  peer->say_raw(header);
  EXPECT_EQ(last_words()["kind"], "protocol");
}

}  // namespace
}  // namespace leanto::node
