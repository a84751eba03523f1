#include "node/objects.h"

#include <gtest/gtest.h>

#include "node/fake_worker.h"

namespace leanto::node {
namespace {

TEST(StoredValue, ComesBackAsItWas) {
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{5} << 20}) {
    std::string bytes(size, '\0');
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i * 7);
    const Result<StoredValue> value = StoredValue::store(bytes, {1, 2});
    ASSERT_TRUE(value.has_value()) << value.error().message;
    EXPECT_EQ(value->size, size);
    EXPECT_EQ(value->sizes, (wire::Json{1, 2}));
    for (int again = 0; again < 2; ++again) {
      const Result<wire::Body> body = value->load();
      ASSERT_TRUE(body.has_value()) << body.error().message;
      EXPECT_TRUE(body->owns());
      EXPECT_TRUE(body->view() == bytes);
    }
  }
}

}  // namespace
}  // namespace leanto::node
