#include "node/http_call.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "node/calls_fixture.h"

namespace leanto::node {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;
using wire::FrameType;
using wire::Json;
using Form = HttpCall::Form;

struct HttpCallTest : CallsTest {
  HttpCallTest() { worker = start(target); }

  std::shared_ptr<HttpCall> begin(Form form, wire::CallHead head = {}) {
    auto call = std::make_shared<HttpCall>(test.loop, calls, form, "total");
    auto run = [](HttpCallTest& fixture, std::shared_ptr<HttpCall> made,
                  wire::CallHead said) -> net::Task<> {
      fixture.response = co_await made->run(fixture.target, said, "[1]", fixture.peer);
    };
    test.loop.spawn("call", run(*this, call, head));
    test.settle();
    for (const Heard& heard : worker->process->hear()) {
      if (heard.type == FrameType::kCall) asked = heard;
    }
    return call;
  }
  void say(FrameType type, const Json& head, std::string_view body = {}) {
    worker->process->say(type, asked.stream, wire::encode_head(head), body);
  }
  // An item that has come, without the way through the socket.
  void yield(std::string_view json) {
    calls.on_answer(*worker->worker, FrameType::kYield, asked.stream, {}, wire::Body(json));
  }
  bool answered() {
    return test.run_until([&] { return response.has_value(); });
  }
  // The frames to the worker, as far as they have come.
  std::vector<FrameType> told() {
    test.settle();
    std::vector<FrameType> types;
    for (const Heard& heard : worker->process->hear()) types.push_back(heard.type);
    return types;
  }
  // The events up to the one with this text.
  std::string events_until(HttpCall& call, std::string_view text) {
    std::string all;
    while (all.find(text) == std::string::npos) {
      const std::string more = test.get(call.next());
      if (more.empty()) break;
      all += more;
    }
    return all;
  }

  TargetPtr target = make_target(1, 8);
  std::unique_ptr<FakeWorker> worker;
  std::shared_ptr<net::HttpPeer> peer = std::make_shared<net::HttpPeer>();
  std::optional<net::HttpResponse> response;
  Heard asked;
};

const Json kJsonHead = {{"data", "json"}};

TEST_F(HttpCallTest, AsksForJsonAndHandsTheValueOn) {
  wire::CallHead head;
  head.member = "add";
  begin(Form::kJson, head);
  EXPECT_EQ(asked.json(), (Json{{"data", "json"}, {"m", "add"}}));
  EXPECT_EQ(asked.body, "[1]");
  say(FrameType::kResult, kJsonHead, "{\"a\":1}");
  ASSERT_TRUE(answered());
  EXPECT_EQ(response->status, 200);
  EXPECT_EQ(response->body, "{\"a\":1}\n");
}

TEST_F(HttpCallTest, GivesAnErrorTheStatusOfItsKindAndTheOneShape) {
  begin(Form::kJson);
  say(FrameType::kError,
      {{"kind", "user"}, {"type", "ValueError"}, {"message", "no"}, {"traceback", "at x"}});
  ASSERT_TRUE(answered());
  EXPECT_EQ(response->status, 500);
  EXPECT_EQ(
      Json::parse(response->body),
      (Json{
          {"error",
           {{"kind", "user"}, {"type", "ValueError"}, {"message", "no"}, {"traceback", "at x"}}}}));
}

TEST_F(HttpCallTest, NamesTheObjectThatAMethodReturned) {
  begin(Form::kJson);
  say(FrameType::kResult, {{"data", "json"}, {"self", true}});
  ASSERT_TRUE(answered());
  EXPECT_EQ(response->body, "{\"object\":\"total\"}\n");
}

TEST_F(HttpCallTest, CollectsItemsAndGrantsCreditForThem) {
  begin(Form::kJson);
  for (int i = 0; i < 8; ++i) say(FrameType::kYield, kJsonHead, std::to_string(i));
  std::vector<FrameType> types;
  ASSERT_TRUE(test.run_until([&] {
    for (const FrameType type : told()) types.push_back(type);
    return types.size() == 2;
  }));
  EXPECT_EQ(types, (std::vector{FrameType::kCredit, FrameType::kCredit}));
  say(FrameType::kResult, {{"stream", true}});
  ASSERT_TRUE(answered());
  EXPECT_EQ(response->body, "[0,1,2,3,4,5,6,7]\n");
}

TEST_F(HttpCallTest, RefusesMoreItemsThanOneArrayMayHold) {
  begin(Form::kJson);
  const std::string item = "\"" + std::string(33 << 20, 'x') + "\"";
  yield(item);
  EXPECT_TRUE(told().empty());
  yield(item);
  EXPECT_EQ(told(), std::vector{FrameType::kCancel});
  say(FrameType::kError, {{"kind", "cancelled"}, {"message", "cancelled"}});
  ASSERT_TRUE(answered());
  EXPECT_EQ(response->status, 406);
  EXPECT_THAT(response->body, HasSubstr("text/event-stream"));
}

TEST_F(HttpCallTest, SaysWhatHappensAsEvents) {
  const auto call = begin(Form::kEvents);
  ASSERT_TRUE(answered());
  ASSERT_NE(response->stream, nullptr);
  calls.on_output(*worker->worker, asked.stream, OutputStream::kStderr, "a\nb\xff");
  say(FrameType::kYield, kJsonHead, "{\"x\":1}");
  say(FrameType::kResult, {{"stream", true}});
  EXPECT_EQ(events_until(*call, "event: end"),
            "id: 1\nevent: log\ndata: {\"stream\":\"stderr\",\"text\":\"a\\nb\xEF\xBF\xBD\"}\n\n"
            "id: 2\nevent: item\ndata: {\"x\":1}\n\n"
            "id: 3\nevent: end\ndata: null\n\n");
  EXPECT_EQ(test.get(call->next()), "");
}

TEST_F(HttpCallTest, GrantsCreditOnlyForEventsThatWereTaken) {
  const auto call = begin(Form::kEvents);
  ASSERT_TRUE(answered());
  for (int i = 0; i < 8; ++i) yield(std::to_string(i));
  EXPECT_TRUE(told().empty());
  EXPECT_THAT(test.get(call->next()), StartsWith("id: 1\nevent: item\ndata: 0\n"));
  EXPECT_TRUE(told().empty());
  say(FrameType::kResult, {{"stream", true}});
  test.get(call->next());
  EXPECT_EQ(told(), std::vector{FrameType::kCredit});
}

TEST_F(HttpCallTest, IsNoStreamIfItCannotBegin) {
  target->gone = Error{ErrorKind::kNotFound, "it is gone"};
  begin(Form::kEvents);
  ASSERT_TRUE(answered());
  EXPECT_EQ(response->status, 404);
  EXPECT_EQ(response->stream, nullptr);
}

TEST_F(HttpCallTest, OfSomebodyWhoLeftRunsOnButAStreamIsCancelled) {
  begin(Form::kJson);
  peer->set_gone();
  EXPECT_TRUE(told().empty());
  yield("1");
  EXPECT_EQ(told(), std::vector{FrameType::kCancel});
}

TEST_F(HttpCallTest, MarksTheGapOfALogThatNobodyReads) {
  const auto call = begin(Form::kEvents);
  ASSERT_TRUE(answered());
  const std::string log(1 << 20, 'x');
  for (int i = 0; i < 8; ++i) {
    calls.on_output(*worker->worker, asked.stream, OutputStream::kStdout, log);
  }
  EXPECT_LT(test.get(call->next()).size(), 6u << 20);
  say(FrameType::kResult, kJsonHead, "1");
  EXPECT_EQ(events_until(*call, "event: result"),
            "id: 5\nevent: log\ndata: {\"left_out\":4194304,\"stream\":\"stderr\"}\n\n"
            "id: 6\nevent: result\ndata: 1\n\n");
}

}  // namespace
}  // namespace leanto::node
