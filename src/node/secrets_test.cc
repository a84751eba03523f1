#include "node/secrets.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace leanto::node {
namespace {

TEST(Secrets, AreFoundByATagThatSaysNothingAboutThem) {
  Secrets secrets;
  const std::string tag = secrets.keep({{"A", "value"}});
  EXPECT_EQ(secrets.keep({{"A", "value"}}), tag);
  EXPECT_NE(secrets.keep({{"A", "other"}}), tag);
  EXPECT_NE(secrets.keep({{"B", "value"}}), tag);
  ASSERT_NE(secrets.find(tag), nullptr);
  EXPECT_EQ(*secrets.find(tag), (SecretValues{{"A", "value"}}));
  EXPECT_EQ(secrets.find(""), nullptr);
  EXPECT_NE(Secrets().keep({{"A", "value"}}), tag) << "another process has another key";
}

TEST(Secrets, TravelAsAMapOfTexts) {
  const SecretValues values{{"A", "x\ny"}, {"B", "ü"}};
  EXPECT_EQ(decode_secrets(encode_secrets(values)).value(), values);
  for (const wire::Json& wrong : {wire::Json{{"A", 1}}, wire::Json{{"A", ""}}}) {
    EXPECT_FALSE(decode_secrets(wire::encode_head(wrong)).has_value()) << wrong;
  }
  EXPECT_FALSE(decode_secrets("nonsense").has_value());
}

TEST(ForgetVariables, LeavesNothingInTheEnvironment) {
  ::setenv("LEANTO_TEST_SECRET", "swordfish", 1);
  EXPECT_TRUE(forget_variables({"LEANTO_TEST_SECRET", "LEANTO_TEST_NOT_SET"}));
  EXPECT_EQ(std::getenv("LEANTO_TEST_SECRET"), nullptr);
  EXPECT_FALSE(forget_variables({"LEANTO_TEST_SECRET"}));
}

}  // namespace
}  // namespace leanto::node
