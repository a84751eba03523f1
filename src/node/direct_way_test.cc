#include "node/direct_way.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace leanto::node {
namespace {

using wire::Json;

TEST(DirectWay, IsReadOnlyWhole) {
  const Json whole = {
      {"ticket", "t"}, {"hosts", {"a", "b", "c", "d", "e"}}, {"port", 7433}, {"fingerprint", "f"}};
  const Result<DirectWay> read = parse_direct_way(whole);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->hosts.size(), DirectWay::kMaxHosts);
  EXPECT_EQ(read->port, 7433);
  for (const char* key : {"ticket", "hosts", "port", "fingerprint"}) {
    Json part = whole;
    part.erase(key);
    const Result<DirectWay> refused = parse_direct_way(part);
    ASSERT_FALSE(refused) << key;
    EXPECT_EQ(refused.error().kind, ErrorKind::kInvalid);
  }
  Json wrong = whole;
  wrong["port"] = 70000;
  EXPECT_FALSE(parse_direct_way(wrong));
}

}  // namespace
}  // namespace leanto::node
