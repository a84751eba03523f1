#include "node/output_mask.h"

#include <gtest/gtest.h>

namespace leanto::node {
namespace {

using wire::OutputStream;

struct OutputMaskTest : testing::Test {
  // What is shown when the text comes in pieces of `size` bytes.
  static std::string in_pieces(OutputMask mask, std::string_view text, std::size_t size) {
    std::string shown;
    for (std::size_t at = 0; at < text.size(); at += size) {
      shown += mask.feed(1, OutputStream::kStdout, text.substr(at, size));
    }
    return shown + mask.flush(1, OutputStream::kStdout);
  }
};

TEST_F(OutputMaskTest, HidesASecretHoweverItIsCut) {
  const OutputMask mask({"swordfish"});
  const std::string text = "the word is swordfish, swordfishswordfish! swordswordfish sword";
  for (std::size_t size = 1; size <= text.size(); ++size) {
    EXPECT_EQ(in_pieces(mask, text, size), "the word is ***, ******! sword*** sword") << size;
  }
}

TEST_F(OutputMaskTest, PrefersTheLongerOfTwoSecretsThatBeginAlike) {
  const OutputMask mask({"abcd", "abcdef"});
  for (std::size_t size = 1; size <= 10; ++size) {
    EXPECT_EQ(in_pieces(mask, "abcdef abcde abcd", size), "*** ***e ***") << size;
  }
}

TEST_F(OutputMaskTest, HidesEachLineOfASecretWithLines) {
  const OutputMask mask({"-----BEGIN\nMIIEv\nx\n-----END"});
  for (std::size_t size = 1; size <= 12; ++size) {
    EXPECT_EQ(in_pieces(mask, "MIIEv alone, all:-----BEGIN\nMIIEv\nx\n-----END x", size),
              "*** alone, all:*** x")
        << size;
  }
}

TEST_F(OutputMaskTest, KeepsCallsAndStreamsApart) {
  OutputMask mask({"swordfish"});
  EXPECT_EQ(mask.feed(1, OutputStream::kStdout, "a sword"), "a ");
  EXPECT_EQ(mask.feed(2, OutputStream::kStdout, "fish"), "fish");
  EXPECT_EQ(mask.feed(1, OutputStream::kStderr, "fish"), "fish");
  EXPECT_EQ(mask.feed(1, OutputStream::kStdout, "fish"), "***");
  EXPECT_EQ(mask.flush(1, OutputStream::kStdout), "");
}

TEST_F(OutputMaskTest, EndsWithASecretThatLooksLikeTheMask) {
  EXPECT_EQ(in_pieces(OutputMask({"*"}), "a*b**", 1), "a***b******");
}

}  // namespace
}  // namespace leanto::node
