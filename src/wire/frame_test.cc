#include "wire/frame.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace leanto::wire {
namespace {

using ::testing::HasSubstr;

std::string header_bytes(const FrameHeader& header) {
  std::string bytes;
  append_header(bytes, header);
  return bytes;
}

std::string refusal(const std::string& bytes, const FrameLimits& limits = {}) {
  const Result<FrameHeader> parsed = parse_header(bytes.data(), limits);
  if (parsed) return "no error";
  EXPECT_EQ(parsed.error().kind, ErrorKind::kProtocol);
  return parsed.error().message;
}

std::string with_byte(std::size_t at, char value) {
  std::string bytes = header_bytes({FrameType::kCall, 1, 2, 3});
  bytes[at] = value;
  return bytes;
}

TEST(FrameHeader, LiesInTheBytesAsTheManualSays) {
  EXPECT_EQ(header_bytes({FrameType::kCall, 0x04030201, 0x00080706, 0x11}),
            std::string("\xF7\x01\x03\x00"
                        "\x01\x02\x03\x04"
                        "\x06\x07\x08\x00"
                        "\x11\0\0\0\0\0\0\0",
                        kHeaderSize));
}

TEST(FrameHeader, ComesBackAsItWasForEveryType) {
  for (int type = 1; type <= 20; ++type) {
    const FrameHeader header{static_cast<FrameType>(type), 0xFFFFFFFF, 1 << 20,
                             std::uint64_t{16} << 30};
    const Result<FrameHeader> parsed = parse_header(header_bytes(header).data(), {});
    ASSERT_TRUE(parsed.has_value()) << parsed.error().message;
    EXPECT_EQ(*parsed, header);
  }
}

TEST(FrameHeader, OfSomebodyElseIsRefused) {
  EXPECT_EQ(refusal("GET / HTTP/1.1\r\nHost: x\r\n"),
            "not a Leanto frame: it begins with byte 0x47");
}

TEST(FrameHeader, OfAnotherVersionIsRefusedAndSaysWhatToDo) {
  EXPECT_EQ(refusal(with_byte(1, 2)),
            "frame version 2 where 1 is spoken; upgrade the older of the two sides");
}

TEST(FrameHeader, WithATypeThatIsNotKnownIsRefused) {
  EXPECT_EQ(refusal(with_byte(2, 0)), "unknown frame type 0");
  EXPECT_EQ(refusal(with_byte(2, 21)), "unknown frame type 21");
  EXPECT_EQ(refusal(with_byte(2, '\xFF')), "unknown frame type 255");
}

TEST(FrameHeader, WithFlagsIsRefused) {
  EXPECT_EQ(refusal(with_byte(3, '\x80')), "unknown frame flags 0x80");
}

TEST(FrameHeader, ThatAnnouncesMoreThanTheLimitIsRefused) {
  const FrameLimits limits{.head = 10, .body = 100};
  EXPECT_EQ(refusal(header_bytes({FrameType::kCall, 1, 10, 100}), limits), "no error");
  EXPECT_EQ(refusal(header_bytes({FrameType::kCall, 1, 11, 0}), limits),
            "a frame head of 11 bytes is over the limit of 10");
  EXPECT_EQ(refusal(header_bytes({FrameType::kCall, 1, 0, 101}), limits),
            "a value of 101 bytes is over the limit of 100");
}

TEST(FrameHeader, IsUnderTheManualsLimitsWhenNoneAreSet) {
  EXPECT_THAT(refusal(header_bytes({FrameType::kCall, 1, (1 << 20) + 1, 0})),
              HasSubstr("limit of 1048576"));
  EXPECT_THAT(refusal(header_bytes({FrameType::kCall, 1, 0, (std::uint64_t{16} << 30) + 1})),
              HasSubstr("limit of 17179869184"));
  EXPECT_THAT(refusal(header_bytes({FrameType::kCall, 1, 0, ~std::uint64_t{0}})),
              HasSubstr("over the limit"));
}

TEST(Body, ThatIsBorrowedIsCopiedWhenItMustBeKept) {
  std::string bytes = "value";
  Body body{std::string_view(bytes)};
  EXPECT_FALSE(body.owns());
  const Body kept = std::move(body).to_owned();
  bytes = "other";
  EXPECT_TRUE(kept.owns());
  EXPECT_EQ(kept.view(), "value");
}

TEST(Body, OfItsOwnIsMovedAndNotCopied) {
  auto bytes = std::make_unique<char[]>(3);
  const char* at = bytes.get();
  Body body(std::move(bytes), 3);
  const Body kept = std::move(body).to_owned();
  EXPECT_EQ(kept.view().data(), at);
  EXPECT_EQ(kept.size(), 3u);
}

TEST(Body, WithoutBytesCanBeKept) {
  const Body kept = Body().to_owned();
  EXPECT_TRUE(kept.owns());
  EXPECT_EQ(kept.size(), 0u);
}

}  // namespace
}  // namespace leanto::wire
