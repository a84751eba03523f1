#include "node/code_fetch.h"

#include <gmock/gmock.h>

namespace leanto::node {
namespace {

TEST(Blobs, ArriveAsTheyWereSaid) {
  const std::vector<TreeBlob> blobs = {{Digest::of("a"), 1}, {Digest::of("b"), 0x123456789a}};
  const auto decoded = decode_blobs(encode_blobs(blobs));
  ASSERT_TRUE(decoded);
  EXPECT_EQ(*decoded, blobs);
  EXPECT_TRUE(decode_blobs("")->empty());
}

TEST(Blobs, ThatAreCutAreAnError) {
  const std::string bytes = encode_blobs({{Digest::of("a"), 1}});
  EXPECT_EQ(decode_blobs(bytes.substr(1)).error().kind, ErrorKind::kProtocol);
  EXPECT_EQ(decode_blobs(bytes + "x").error().kind, ErrorKind::kProtocol);
}

}  // namespace
}  // namespace leanto::node
