#include "node/stored_value.h"

#include <gtest/gtest.h>

#include "net/test_loop.h"
#include "node/fake_worker.h"
#include "os/temporary_directory.h"

namespace leanto::node {
namespace {

struct StoredValueTest : ::testing::Test {
  Result<StoredValue> store(std::string_view bytes, const wire::Json& said = wire::Json::object()) {
    return StoredValue::store(said, wire::Body(bytes), segments, budget);
  }

  net::TestLoop test;
  ManualClock clock;
  TemporaryDirectory directory;
  ValueBudget budget{{6 << 20, 6 << 20, directory.path()}};
  Segments segments{test.loop, clock, budget};
};

TEST_F(StoredValueTest, ComesBackAsItWas) {
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{5} << 20}) {
    std::string bytes(size, '\0');
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i * 7);
    const Result<StoredValue> value = store(bytes, {{"b", {1, 2}}});
    ASSERT_TRUE(value.has_value()) << value.error().message;
    EXPECT_EQ(value->size(), size);
    for (int again = 0; again < 2; ++again) {
      const Result<StoredValue::Loaded> loaded = value->load(Reader::kHere);
      ASSERT_TRUE(loaded.has_value()) << loaded.error().message;
      EXPECT_EQ(loaded->head, (wire::Json{{"b", {1, 2}}}));
      EXPECT_TRUE(loaded->body.owns());
      EXPECT_TRUE(loaded->body.view() == bytes);
    }
  }
  EXPECT_EQ(budget.use().memory, 0u);
}

TEST_F(StoredValueTest, GoesToDiskOverTheMemoryAndIsRefusedOverBoth) {
  const std::string bytes(4 << 20, 'x');
  Result<StoredValue> first = store(bytes);
  const Result<StoredValue> second = store(bytes);
  ASSERT_TRUE(first && second);
  EXPECT_FALSE(first->is_on_disk());
  EXPECT_TRUE(second->is_on_disk());
  EXPECT_TRUE(second->load(Reader::kHere)->body.view() == bytes);
  const Result<StoredValue> third = store(bytes);
  ASSERT_FALSE(third);
  EXPECT_EQ(third.error().kind, ErrorKind::kCapacity);
  first = store("small");
  EXPECT_FALSE(store(bytes)->is_on_disk()) << "what was replaced gives its room back";
}

TEST_F(StoredValueTest, HasTheSegmentThatItCameInAndNobodyElseHas) {
  const auto grant = segments.make(100, "s");
  const wire::Json said{{"seg", {{"i", grant->inode}, {"s", {100}}}}};
  {
    const Result<StoredValue> value = store("pickle", said);
    ASSERT_TRUE(value) << value.error().message;
    segments.end_session("s");
    EXPECT_EQ(value->size(), 106u);
    EXPECT_EQ(value->load(Reader::kHere)->head["seg"]["k"], true);
    EXPECT_EQ(budget.use().memory, 106u);
  }
  EXPECT_EQ(budget.use().memory, 0u);
  const Result<StoredValue> gone = store("pickle", said);
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().kind, ErrorKind::kNotFound);
}

}  // namespace
}  // namespace leanto::node
