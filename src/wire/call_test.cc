#include "wire/call.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "wire/head.h"

namespace leanto::wire {
namespace {

using ::testing::HasSubstr;

CallHead parsed(const Json& head) {
  const Result<CallHead> call = parse_call_head(encode_head(head));
  EXPECT_TRUE(call.has_value()) << call.error().message;
  return call.value_or(CallHead{});
}

CallHead to(TargetKind kind, std::string target) {
  CallHead call;
  call.target_kind = kind;
  call.target = std::move(target);
  return call;
}

std::string refusal(const Json& head) {
  const Result<CallHead> call = parse_call_head(encode_head(head));
  if (call) return "no error";
  EXPECT_EQ(call.error().kind, ErrorKind::kInvalid);
  return call.error().message;
}

TEST(CallHead, NamesAVersionANameOrAnObject) {
  EXPECT_EQ(parsed({{"v", "0f3c"}}), to(TargetKind::kVersion, "0f3c"));
  EXPECT_EQ(parsed({{"n", "train"}}), to(TargetKind::kName, "train"));
  EXPECT_EQ(parsed({{"o", "8bad"}}), to(TargetKind::kObject, "8bad"));
}

TEST(CallHead, WithoutOptionsIsACallThatStreamsItsLogs) {
  const CallHead call = parsed({{"n", "f"}});
  EXPECT_EQ(call.how, How::kCall);
  EXPECT_EQ(call.member, "");
  EXPECT_TRUE(call.stream_logs);
  EXPECT_EQ(call.timeout_seconds, std::nullopt);
  EXPECT_EQ(call.parent, 0u);
}

TEST(CallHead, SaysEveryWay) {
  EXPECT_EQ(parsed({{"n", "f"}, {"how", "call"}}).how, How::kCall);
  EXPECT_EQ(parsed({{"n", "f"}, {"how", "get"}}).how, How::kGet);
  EXPECT_EQ(parsed({{"n", "f"}, {"how", "set"}}).how, How::kSet);
  EXPECT_EQ(parsed({{"n", "f"}, {"how", "del"}}).how, How::kDelete);
  EXPECT_EQ(parsed({{"n", "f"}, {"how", "new"}}).how, How::kNew);
  EXPECT_EQ(refusal({{"n", "f"}, {"how", "fry"}}), "a call cannot be made in the way 'fry'");
}

TEST(CallHead, SaysThatItsArgumentsAreJson) {
  EXPECT_EQ(parsed({{"n", "f"}}).data, Data::kPickle);
  CallHead call = to(TargetKind::kName, "f");
  call.data = Data::kJson;
  call.how = How::kDescribe;
  EXPECT_EQ(parsed({{"n", "f"}, {"data", "json"}, {"how", "describe"}}), call);
  EXPECT_EQ(*parse_call_head(encode_call_head(call)), call);
  EXPECT_EQ(refusal({{"n", "f"}, {"data", "xml"}}),
            "arguments cannot be 'xml'; say \"json\", or nothing: pickled");
}

TEST(CallHead, WithoutATargetIsRefused) {
  EXPECT_EQ(refusal(Json::object()), "a call names no service and no object");
  EXPECT_EQ(refusal({{"n", 3}}), "a call names no service and no object");
}

TEST(CallHead, SaysHowManyCallsMayWait) {
  CallHead call = to(TargetKind::kName, "f");
  EXPECT_EQ(parsed({{"n", "f"}}).max_queue, std::nullopt);
  call.max_queue = 0;
  EXPECT_EQ(parsed({{"n", "f"}, {"max_queue", 0}}), call);
  EXPECT_EQ(*parse_call_head(encode_call_head(call)), call);
  for (const Json& wrong : {Json(-1), Json(0.5), Json("1"), Json(1'000'001), Json(true)}) {
    EXPECT_THAT(refusal({{"n", "f"}, {"max_queue", wrong}}), HasSubstr("max_queue is how many"));
  }
}

TEST(CallHead, TakesATimeoutThatMakesSense) {
  EXPECT_EQ(parsed({{"n", "f"}, {"timeout", 0.25}}).timeout_seconds, 0.25);
  EXPECT_EQ(parsed({{"n", "f"}, {"timeout", 3600}}).timeout_seconds, 3600);
  for (const double seconds : {0.0, -1.0, 1e9, std::numeric_limits<double>::infinity(),
                               std::numeric_limits<double>::quiet_NaN()}) {
    EXPECT_THAT(refusal({{"n", "f"}, {"timeout", seconds}}),
                HasSubstr("makes no sense; give a positive number"));
  }
  EXPECT_EQ(refusal({{"n", "f"}, {"timeout", -1}}),
            "a timeout of -1 seconds makes no sense; give a positive number");
}

TEST(CallHead, TakesAParentOnlyIfItCanBeOne) {
  EXPECT_EQ(parsed({{"n", "f"}, {"p", 4'294'967'295u}}).parent, 4'294'967'295u);
  EXPECT_EQ(parsed({{"n", "f"}, {"p", 4'294'967'297u}}).parent, 0u) << "not that of call 1";
  EXPECT_EQ(parsed({{"n", "f"}, {"p", -1}}).parent, 0u);
  EXPECT_EQ(parsed({{"n", "f"}, {"p", "1"}}).parent, 0u);
}

TEST(CallHead, NoticesBuffersBesideThePickle) {
  EXPECT_FALSE(parsed({{"n", "f"}}).has_buffers);
  EXPECT_TRUE(parsed({{"n", "f"}, {"b", {1, 2}}}).has_buffers);
  EXPECT_TRUE(parsed({{"n", "f"}, {"seg", {{"g", 1}}}}).has_buffers);
}

TEST(CallHead, NamesNoFileOfTheNodesMachine) {
  const Json head{{"n", "f"}, {"file", {{"p", "/etc/passwd"}, {"n", 1}}}};
  const Result<CallHead> call = parse_call_head(encode_head(head));
  ASSERT_FALSE(call.has_value());
  EXPECT_EQ(call.error().kind, ErrorKind::kInvalid);
}

TEST(CallHead, KeepsTheResultWhereAsked) {
  EXPECT_FALSE(parsed({{"n", "f"}}).keep_result);
  EXPECT_TRUE(parsed({{"n", "f"}, {"keep", true}}).keep_result);
}

TEST(CallHead, IgnoresWhatANewerClientMaySay) {
  EXPECT_EQ(parsed({{"n", "f"}, {"colour", "blue"}}), parsed({{"n", "f"}}));
}

TEST(CallHead, ThatIsNoMapIsAProtocolError) {
  const Result<CallHead> call = parse_call_head("nonsense");
  ASSERT_FALSE(call.has_value());
  EXPECT_EQ(call.error().kind, ErrorKind::kProtocol);
}

TEST(CallHead, ComesBackAsItWas) {
  const CallHead full{.target_kind = TargetKind::kVersion,
                      .target = "0f3c",
                      .member = "m",
                      .how = How::kNew,
                      .stream_logs = false,
                      .timeout_seconds = 0.1,
                      .max_queue = 3,
                      .parent = 7,
                      .object_name = "trainer",
                      .get_if_exists = true};
  CallHead deletion = to(TargetKind::kObject, "o");
  deletion.how = How::kDelete;
  for (const CallHead& call : {full, to(TargetKind::kName, "f"), deletion}) {
    const Result<CallHead> again = parse_call_head(encode_call_head(call));
    ASSERT_TRUE(again.has_value()) << again.error().message;
    EXPECT_EQ(*again, call);
  }
}

}  // namespace
}  // namespace leanto::wire
