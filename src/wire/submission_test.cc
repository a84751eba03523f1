#include "wire/submission.h"

#include <gtest/gtest.h>

namespace leanto::wire {
namespace {

TEST(Submission, KeepsFromTheWorkerWhatIsTheNodesBusiness) {
  const auto parsed = parse_submission({{"v", "abc"},
                                        {"m", "train"},
                                        {"b", {3, 4}},
                                        {"timeout", 2.5},
                                        {"log", false},
                                        {"p", 7},
                                        {"key", "nightly"},
                                        {"on_conflict", "replace"},
                                        {"grace", 0.5},
                                        {"keep_args", false}});
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->head, (Json{{"v", "abc"}, {"m", "train"}, {"b", {3, 4}}}));
  EXPECT_EQ(parsed->key, "nightly");
  EXPECT_EQ(parsed->on_conflict, OnConflict::kReplace);
  EXPECT_EQ(parsed->grace_seconds, 0.5);
  EXPECT_EQ(parsed->keep_arguments, false);
  EXPECT_EQ(parsed->call.timeout_seconds, 2.5);
  EXPECT_EQ(parsed->call.target, "abc");
  EXPECT_EQ(parsed->call.parent, 0u);
}

TEST(Submission, HasDefaults) {
  const auto parsed = parse_submission({{"n", "demo.train"}});
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->key, "");
  EXPECT_EQ(parsed->on_conflict, OnConflict::kError);
  EXPECT_EQ(parsed->grace_seconds, 10);
  EXPECT_EQ(parsed->keep_arguments, std::nullopt);
}

TEST(Submission, IsRefusedWhereItMakesNoSense) {
  for (const Json& call :
       {Json(), Json("x"), Json::object(), Json{{"v", "a"}, {"how", "new"}},
        Json{{"v", "a"}, {"on_conflict", "later"}}, Json{{"v", "a"}, {"grace", -1}},
        Json{{"v", "a"}, {"timeout", 0}}, Json{{"v", "a"}, {"seg", Json::object()}},
        Json{{"v", "a"}, {"replays", "x"}}, Json{{"v", "a"}, {"keep", true}},
        Json{{"v", "a"}, {"keep_args", "yes"}}, Json{{"v", "a"}, {"key", std::string(513, 'k')}}}) {
    const auto parsed = parse_submission(call);
    ASSERT_FALSE(parsed) << call;
    EXPECT_EQ(parsed.error().kind, ErrorKind::kInvalid);
  }
}

TEST(CallHead, RefusesAKeyThatAPlainCallCannotHonour) {
  const auto parsed = parse_call_head(encode_head({{"v", "a"}, {"key", "nightly"}}));
  ASSERT_FALSE(parsed);
  EXPECT_NE(parsed.error().message.find(".submit("), std::string::npos);
}

}  // namespace
}  // namespace leanto::wire
