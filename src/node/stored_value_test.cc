#include "node/stored_value.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "net/test_loop.h"
#include "node/fake_worker.h"
#include "node/file_body.h"
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

std::pair<dev_t, ino_t> file_behind(const wire::Body& body) {
  struct stat status{};
  EXPECT_EQ(::fstat(body.file(), &status), 0);
  return {status.st_dev, status.st_ino};
}

TEST_F(StoredValueTest, IsTheFileThatItCameInUnlessThereIsNoRoomInMemory) {
  ValueBudget large{{12 << 20, 12 << 20, directory.path()}};
  const std::string bytes(kSpooledFrom, 'x');
  std::vector<StoredValue> kept;
  for (const bool fits : {true, false}) {
    const std::unique_ptr<wire::BodySpool> spool = spools_in_memory()(bytes.size());
    ASSERT_TRUE(spool->append(bytes));
    Result<wire::Body> came = spool->finish();
    Result<StoredValue> value = StoredValue::store(wire::Json::object(), *came, segments, large);
    ASSERT_TRUE(value) << value.error().message;
    EXPECT_EQ(value->is_on_disk(), !fits);
    const auto identity = file_behind(*came);
    came = wire::Body();
    const Result<StoredValue::Loaded> loaded = value->load(Reader::kFar);
    ASSERT_TRUE(loaded) << loaded.error().message;
    EXPECT_TRUE(loaded->body.view() == bytes);
    if (fits) {
      EXPECT_EQ(file_behind(loaded->body), identity) << "it was copied";
    }
    kept.push_back(*std::move(value));
  }
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
