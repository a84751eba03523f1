#include "node/image_trees.h"

#include <gtest/gtest.h>

#include "node/images.h"

namespace leanto::node {
namespace {

using wire::Json;

Json image_with(Json trees) {
  Json step = {{"pip", {"/home/ann/herb"}}, {"trees", std::move(trees)}};
  return {{"python", "3.11"}, {"steps", Json::array({std::move(step)})}};
}

TEST(ImageTrees, HaveTheDigestOfASnapshot) {
  const std::string digest = Digest::of("a tree").hex();
  EXPECT_TRUE(check_image(image_with({{"/home/ann/herb", digest}})));
  EXPECT_TRUE(check_image(image_with(Json::object())));
  EXPECT_NE(image_digest(image_with({{"/home/ann/herb", digest}})),
            image_digest(image_with({{"/home/ann/herb", Digest::of("another").hex()}})));
}

TEST(ImageTrees, AreRefusedWithoutOne) {
  for (const Json& trees : {Json("herb"), Json({"/home/ann/herb"}), Json({{"/home/ann/herb", 3}}),
                            Json({{"/home/ann/herb", "../../etc"}})}) {
    const Status checked = check_image(image_with(trees));
    ASSERT_FALSE(checked) << trees;
    EXPECT_EQ(checked.error().kind, ErrorKind::kInvalid);
  }
}

}  // namespace
}  // namespace leanto::node
