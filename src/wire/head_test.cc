#include "wire/head.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace leanto::wire {
namespace {

using ::testing::HasSubstr;
using namespace std::string_literals;

std::string refusal(std::string_view bytes) {
  const Result<Json> head = decode_head(bytes);
  if (head) return "no error";
  EXPECT_EQ(head.error().kind, ErrorKind::kProtocol);
  return head.error().message;
}

// {"k": {"k": ... {}}}, or {"k": [[ ... ]]}.
std::string nested_maps(std::size_t levels) {
  std::string bytes;
  for (std::size_t level = 1; level < levels; ++level) bytes += "\x81\xA1k";
  return bytes + "\x80";
}

std::string nested_lists(std::size_t levels) {
  return "\x81\xA1k" + std::string(levels - 2, '\x91') + "\x90";
}

TEST(Head, ComesBackAsItWas) {
  const Json head = {{"null", nullptr},
                     {"flags", {true, false}},
                     {"numbers", {0, 127, 128, -1, -33, 5'000'000'000, -5'000'000'000, 0.1, 2.5}},
                     {"text", "grüße\0!"s},
                     {"map", {{"empty", Json::object()}}}};
  const Result<Json> decoded = decode_head(encode_head(head));
  ASSERT_TRUE(decoded.has_value()) << decoded.error().message;
  EXPECT_EQ(*decoded, head);
}

TEST(Head, OfNoBytesIsAnEmptyMap) { EXPECT_EQ(decode_head(""), Json::object()); }

TEST(Head, KeepsBytesThatAreNotUtf8) {
  const Result<Json> decoded = decode_head(encode_head({{"path", "caf\xE9"}}));
  ASSERT_TRUE(decoded.has_value());
  EXPECT_EQ(find_string(*decoded, "path"), "caf\xE9");
}

TEST(Head, ThatIsNoMapIsRefused) {
  EXPECT_EQ(refusal("\xC0"), "a frame head of 1 bytes is not a msgpack map");
  for (const std::string& bytes : {"\x2A"s, "\xA1x"s, "\x93\x01\x02\x03"s, "\xC4\x01x"s}) {
    EXPECT_THAT(refusal(bytes), HasSubstr("is not a msgpack map"));
  }
}

TEST(Head, ThatIsCutOrHasMoreBehindItIsRefused) {
  const std::string whole = encode_head({{"key", "value"}, {"n", 70'000}, {"list", {1, 2, 3}}});
  for (std::size_t size = 1; size < whole.size(); ++size) {
    EXPECT_NE(refusal(whole.substr(0, size)), "no error") << size;
  }
  EXPECT_NE(refusal(whole + "\xC0"), "no error");
  EXPECT_NE(refusal("\xC1"), "no error");  // the one byte that msgpack never uses
}

TEST(Head, WithAKeyThatIsNoTextIsRefused) {
  EXPECT_NE(refusal("\x81\x01\x02"), "no error");
  EXPECT_NE(refusal("\x81\x80\x02"), "no error");
}

TEST(Head, IsReadAsDeepAsTheLimitAndNoDeeper) {
  EXPECT_EQ(refusal(nested_maps(kMaxDepth)), "no error");
  EXPECT_EQ(refusal(nested_lists(kMaxDepth)), "no error");
  EXPECT_NE(refusal(nested_maps(kMaxDepth + 1)), "no error");
  EXPECT_NE(refusal(nested_lists(kMaxDepth + 1)), "no error");
  EXPECT_NE(refusal(nested_maps(300'000)), "no error");
  EXPECT_NE(refusal(nested_lists(1'000'000)), "no error");
}

// Each would take gigabytes if what it announces were believed before it came.
TEST(Head, WithASizeThatLiesIsRefusedAndReservesNothing) {
  EXPECT_NE(refusal("\xDF\xFF\xFF\xFF\xFF\x80"), "no error");            // a map
  EXPECT_NE(refusal("\x81\xA1k\xDD\xFF\xFF\xFF\xFF\x80"), "no error");   // a list
  EXPECT_NE(refusal("\x81\xA1k\xDB\xFF\xFF\xFF\xFF\x80"), "no error");   // a text
  EXPECT_NE(refusal("\x81\xA1k\xC6\xFF\xFF\xFF\xFF\x80"), "no error");   // bytes
  EXPECT_NE(refusal("\x81\xA1k\xC9\xFF\xFF\xFF\xFF\x01x"), "no error");  // an extension
  EXPECT_NE(refusal("\x81\xDB\xFF\xFF\xFF\xFFk"), "no error");           // a key
}

TEST(Head, MembersOfTheWrongTypeCountAsAbsent) {
  const Json head = {{"text", "x"}, {"number", 2.5}, {"flag", true}};
  EXPECT_EQ(find_string(head, "text"), "x");
  EXPECT_EQ(find_string(head, "number"), std::nullopt);
  EXPECT_EQ(find_string(head, "absent"), std::nullopt);
  EXPECT_EQ(find_number(head, "number"), 2.5);
  EXPECT_EQ(find_number(head, "flag"), std::nullopt);
  EXPECT_EQ(find_number(head, "absent"), std::nullopt);
  EXPECT_TRUE(find_flag(head, "flag", false));
  EXPECT_TRUE(find_flag(head, "text", true));
  EXPECT_FALSE(find_flag(head, "absent", false));
  EXPECT_EQ(find_string(Json("no map"), "text"), std::nullopt);
}

TEST(Head, SaysWhichTextARequestLacks) {
  EXPECT_EQ(require_string({{"op", "ls"}}, "op"), "ls");
  const Result<std::string> lacking = require_string({{"op", 1}}, "op");
  ASSERT_FALSE(lacking.has_value());
  EXPECT_EQ(lacking.error(), (Error{ErrorKind::kInvalid, "the request lacks the text 'op'"}));
}

TEST(ErrorHead, ComesBackForEveryKind) {
  for (const ErrorRow& row : kErrorTable) {
    const Error error{row.kind, "what to do next"};
    const Result<Json> head = decode_head(encode_error(error));
    ASSERT_TRUE(head.has_value());
    EXPECT_EQ((*head)["kind"], row.name);
    EXPECT_EQ(error_from_head(*head), error);
  }
}

TEST(ErrorHead, OfANewerPeerIsAnInternalError) {
  EXPECT_EQ(error_from_head({{"kind", "a_new_kind"}, {"message", "m"}}),
            (Error{ErrorKind::kInternal, "m"}));
  EXPECT_EQ(error_from_head(Json::object()), (Error{ErrorKind::kInternal, "(no message)"}));
}

TEST(ErrorHead, IsUtf8WhateverTheMessageNames) {
  const Json head = error_to_json({ErrorKind::kSnapshot, "caf\xE9.py cannot be read"});
  EXPECT_EQ(head["message"], "caf\xEF\xBF\xBD.py cannot be read");
}

TEST(ValidUtf8, KeepsTextAndReplacesWhatIsNone) {
  EXPECT_EQ(valid_utf8("grüße \"\\\n\0"s), "grüße \"\\\n\0"s);
  EXPECT_EQ(valid_utf8(""), "");
  EXPECT_EQ(valid_utf8("\xFF|\xC3"), "\xEF\xBF\xBD|\xEF\xBF\xBD");
}

}  // namespace
}  // namespace leanto::wire
