#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/embedded.h"
#include "os/temporary_directory.h"
#include "store/migrations.h"
#include "store/runs.h"
#include "store/sqlite.h"

namespace leanto {
namespace {

TEST(RunStoreMigration, KeepsTheArgumentsThatAnOlderOneLeftBehind) {
  const TemporaryDirectory directory;
  {
    auto database = Database::open(directory / "runs.sqlite");
    ASSERT_TRUE(database);
    ASSERT_TRUE(migrate(*database, embedded::run_migrations().first(2)));
    ASSERT_TRUE(database->run(
        "INSERT INTO runs (id, service, version, object, member, head, digest, caller, node, "
        "grace_ms, status, created_at, ended_at) VALUES ('r1', 's', 'v', '', '', x'80', '', '{}', "
        "'here', 0, 'failed', 1, 2), ('r2', 's', 'v', '', '', x'80', '', '{}', 'here', 0, "
        "'queued', "
        "1, NULL); INSERT INTO payloads VALUES ('r1', 'arguments', x'', x'41'), ('r2', "
        "'arguments', x'', x'42')"));
  }
  auto store = RunStore::open(directory / "runs.sqlite", directory / "runs");
  ASSERT_TRUE(store) << store.error().message;
  EXPECT_TRUE(store->find("r1").value()->keep_arguments);
  EXPECT_EQ(store->arguments("r1").value(), "A");
  EXPECT_FALSE(store->find("r2").value()->keep_arguments);
  std::vector<RunStore::Work> works{{[](RunStore& runs) { return runs.finish("r2", {}, {}); }, {}}};
  store->commit(works);
  ASSERT_TRUE(works[0].status);
  EXPECT_EQ(store->arguments("r2").value(), std::nullopt);
}

}  // namespace
}  // namespace leanto
