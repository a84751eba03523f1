#include "store/migrations.h"

#include <gtest/gtest.h>

#include "os/temporary_directory.h"
#include "store/query.h"

namespace leanto {
namespace {

using embedded::EmbeddedFile;

constexpr EmbeddedFile kFirst{"001_a.sql", "CREATE TABLE a (x INTEGER); INSERT INTO a VALUES (1);"};
constexpr EmbeddedFile kSecond{"002_b.sql", "ALTER TABLE a ADD COLUMN y INTEGER DEFAULT 7;"};
constexpr EmbeddedFile kBroken{"002_b.sql", "INSERT INTO a VALUES (2); NONSENSE;"};

class MigrationsTest : public testing::Test {
 protected:
  void SetUp() override {
    auto opened = Database::open(directory_ / "db");
    ASSERT_TRUE(opened.has_value());
    database_.emplace(*std::move(opened));
  }
  std::int64_t number(std::string_view sql) {
    return first_row(
               *database_, [](const Statement& row) { return row.integer(0); }, sql)
        .value()
        .value();
  }

  TemporaryDirectory directory_;
  std::optional<Database> database_;
};

TEST_F(MigrationsTest, AreAppliedOnceAndInOrder) {
  ASSERT_TRUE(migrate(*database_, std::vector{kFirst}));
  EXPECT_EQ(number("PRAGMA user_version"), 1);
  ASSERT_TRUE(migrate(*database_, std::vector{kFirst, kSecond}));
  ASSERT_TRUE(migrate(*database_, std::vector{kFirst, kSecond}));
  EXPECT_EQ(number("PRAGMA user_version"), 2);
  EXPECT_EQ(number("SELECT sum(y) FROM a"), 7);
}

TEST_F(MigrationsTest, LeaveNothingBehindWhenOneFails) {
  const auto done = migrate(*database_, std::vector{kFirst, kBroken});
  ASSERT_FALSE(done.has_value());
  EXPECT_NE(done.error().message.find("NONSENSE"), std::string::npos);
  EXPECT_EQ(number("PRAGMA user_version"), 1);
  EXPECT_EQ(number("SELECT count(*) FROM a"), 1);
}

TEST_F(MigrationsTest, MustBeNumbered) {
  for (const char* path : {"ledger.sql", "0_a.sql", "1", "-1_a.sql", ""}) {
    EXPECT_FALSE(migrate(*database_, std::vector{EmbeddedFile{path, ""}}).has_value()) << path;
  }
}

TEST_F(MigrationsTest, RefuseADatabaseFromTheFuture) {
  ASSERT_TRUE(migrate(*database_, std::vector{kFirst, kSecond}));
  const auto done = migrate(*database_, std::vector{kFirst});
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(done.error().kind, ErrorKind::kInvalid);
}

TEST_F(MigrationsTest, TransactionsTakeAllBackUnlessCommitted) {
  ASSERT_TRUE(migrate(*database_, std::vector{kFirst}));
  {
    auto transaction = Transaction::begin(*database_);
    ASSERT_TRUE(execute(*database_, "INSERT INTO a VALUES (?)", std::int64_t{2}));
  }
  EXPECT_EQ(number("SELECT count(*) FROM a"), 1);
  {
    auto transaction = Transaction::begin(*database_);
    ASSERT_TRUE(execute(*database_, "INSERT INTO a VALUES (?)", std::int64_t{2}));
    ASSERT_TRUE(transaction->commit());
  }
  EXPECT_EQ(number("SELECT count(*) FROM a"), 2);
}

TEST_F(MigrationsTest, AMistakenParameterIsAnErrorOfTheStep) {
  ASSERT_TRUE(migrate(*database_, std::vector{kFirst}));
  EXPECT_FALSE(execute(*database_, "INSERT INTO a VALUES (?)", std::int64_t{1}, "two").has_value());
  EXPECT_FALSE(database_->prepare("SELECT nothing FROM nowhere").has_value());
}

}  // namespace
}  // namespace leanto
