#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "base/embedded.h"
#include "os/temporary_directory.h"
#include "store/migrations.h"
#include "store/runs.h"
#include "store/sqlite.h"

namespace leanto {
namespace {

// A database of schema `version` with what `sql` puts there.
void make_older(const std::filesystem::path& path, std::size_t version, const std::string& sql) {
  auto database = Database::open(path);
  ASSERT_TRUE(database);
  ASSERT_TRUE(migrate(*database, embedded::run_migrations().first(version)));
  ASSERT_TRUE(database->run(sql));
}

TEST(RunStoreMigration, KeepsTheArgumentsThatAnOlderOneLeftBehind) {
  const TemporaryDirectory directory;
  make_older(
      directory / "runs.sqlite", 2,
      "INSERT INTO runs (id, service, version, object, member, head, digest, caller, node, "
      "grace_ms, status, created_at, ended_at) VALUES ('r1', 's', 'v', '', '', x'80', '', '{}', "
      "'here', 0, 'failed', 1, 2), ('r2', 's', 'v', '', '', x'80', '', '{}', 'here', 0, "
      "'queued', "
      "1, NULL); INSERT INTO payloads VALUES ('r1', 'arguments', x'', x'41'), ('r2', "
      "'arguments', x'', x'42')");
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

// A database of the version before the small values came into the rows.
TEST(RunStoreMigration, CarriesRunsOverWithTheirKeysValuesAndAttempts) {
  const TemporaryDirectory directory;
  make_older(
      directory / "runs.sqlite", 7,
      "INSERT INTO runs (id, key, service, version, object, member, head, digest, caller, node, "
      "grace_ms, status, attempt, created_at, started_at, ended_at, keep_args, place, "
      "stop_reason) VALUES "
      "('r1', 'done', 's', 'v', '', '', x'80', 'd', '{}', 'here', 0, 'succeeded', 1, 1, 2, 3, 1, "
      "0, ''), "
      "('r2', NULL, 's', 'v', '', '', x'80', '', '{}', 'here', 7, 'queued', 0, 4, NULL, NULL, 0, "
      "2, ''), "
      "('r3', 'on', 's', 'v', '', 'm', x'80', 'd', '{}', 'here', 0, 'running', 1, 5, 6, NULL, 0, "
      "0, 'why');"
      "INSERT INTO payloads VALUES ('r1', 'arguments', x'', x'41'), ('r1', 'result', x'81', "
      "x'42'), ('r2', 'arguments', x'', x'43'), ('r3', 'arguments', x'', x'44');"
      "INSERT INTO attempts (run, n, started_at, ended_at, outcome, worker_call) VALUES ('r1', "
      "1, 2, 3, 'succeeded', 'a/1'), ('r3', 1, 6, NULL, NULL, 'b/2')");
  auto store = RunStore::open(directory / "runs.sqlite", directory / "runs");
  ASSERT_TRUE(store) << store.error().message;
  const RunRecord done = store->find_by_key("done").value().value();
  EXPECT_EQ(done.id, "r1");
  EXPECT_EQ(done.status, RunStatus::kSucceeded);
  EXPECT_EQ(done.ended_at, 3);
  EXPECT_EQ(store->arguments("r1").value(), "A");
  EXPECT_EQ(store->answer("r1").value(), (RunAnswer{AnswerKind::kResult, "\x81", "B"}));
  const auto queued = store->queued();
  ASSERT_THAT(*queued, ::testing::SizeIs(1));
  EXPECT_EQ(queued->front().place, 2);
  EXPECT_EQ(queued->front().grace_ms, 7);
  const auto interrupted = store->interrupted();
  ASSERT_THAT(*interrupted, ::testing::SizeIs(1));
  EXPECT_EQ(interrupted->front().worker_call, "b/2");
  EXPECT_EQ(interrupted->front().run.member, "m");
  RunOutcome outcome;
  outcome.at = 9;
  RunStore::Started started;
  std::vector<RunStore::Work> works{
      {[&](RunStore& runs) { return runs.finish("r3", outcome, {AnswerKind::kResult, "", "E"}); },
       {}},
      {[&](RunStore& runs) -> Status {
         auto result = runs.start("r2", {8});
         if (!result) return Failure(result.error());
         started = *std::move(result);
         return {};
       },
       {}}};
  store->commit(works);
  ASSERT_TRUE(works[0].status && works[1].status);
  EXPECT_EQ(started.arguments, "C");
  EXPECT_EQ(store->answer("r3").value().bytes, "E");
  EXPECT_EQ(store->arguments("r3").value(), std::nullopt);
}

}  // namespace
}  // namespace leanto
