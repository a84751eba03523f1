#include "store/schema_version.h"

#include <gtest/gtest.h>

#include <fstream>

#include "os/temporary_directory.h"
#include "store/ledger.h"

namespace leanto {
namespace {

TEST(SchemaVersion, IsReadFromTheFileOfAnotherProgram) {
  const TemporaryDirectory directory;
  EXPECT_EQ(read_schema_versions(directory.path()), (std::vector<SchemaVersion>{}));
  ASSERT_TRUE(Ledger::open(directory.path() / "ledger.sqlite").has_value());  // and closed
  const auto versions = read_schema_versions(directory.path());
  ASSERT_TRUE(versions.has_value()) << versions.error().message;
  ASSERT_EQ(versions->size(), 1u);
  EXPECT_EQ(versions->at(0).file, "ledger.sqlite");
  EXPECT_GT(versions->at(0).newest, 0);
  EXPECT_EQ(versions->at(0).found, versions->at(0).newest);
}

TEST(SchemaVersion, IsNoneOfAFileThatIsNoDatabase) {
  const TemporaryDirectory directory;
  std::ofstream(directory.path() / "runs.sqlite") << "hello";
  const auto versions = read_schema_versions(directory.path());
  ASSERT_FALSE(versions.has_value());
  EXPECT_EQ(versions.error().kind, ErrorKind::kProtocol);
}

TEST(SchemaVersion, OfANewDatabaseThatIsStillEmptyIsNought) {
  const TemporaryDirectory directory;
  std::ofstream(directory.path() / "runs.sqlite").flush();
  const auto versions = read_schema_versions(directory.path());
  ASSERT_TRUE(versions.has_value()) << versions.error().message;
  EXPECT_EQ(versions->at(0).found, 0);
}

}  // namespace
}  // namespace leanto
