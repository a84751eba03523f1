// What runs cost: how many pages a commit writes into the log, and how queries find their rows.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "base/run_id.h"
#include "os/temporary_directory.h"
#include "store/query.h"
#include "store/run_queries.h"
#include "store/runs.h"
#include "store/sqlite.h"

namespace leanto {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::uintmax_t kFrame = 4096 + 24;

struct RunPages : testing::Test {
  RunPages() : store(*RunStore::open(file, directory / "runs")) {}

  // The pages that a commit of `work` appends to the log.
  std::uintmax_t pages_of(const std::function<Status(RunStore&)>& work) {
    const std::string log = file.string() + "-wal";
    const std::uintmax_t before = std::filesystem::file_size(log);
    std::vector<RunStore::Work> works{{work, {}}};
    store.commit(works);
    EXPECT_TRUE(works[0].status) << works[0].status.error().message;
    return (std::filesystem::file_size(log) - before) / kFrame;
  }
  static RunRecord run(std::uint64_t number, std::optional<std::string> key = {}) {
    RunRecord record;
    record.id = make_run_id(1'700'000'000'000 + static_cast<std::int64_t>(number), number);
    record.key = std::move(key);
    record.service = "demo.train";
    record.version = std::string(64, 'a');
    record.head = std::string(100, 'h');
    record.caller = std::string(150, 'c');
    record.node = "here";
    return record;
  }
  std::uintmax_t submit(const RunRecord& record, const std::string& arguments = "arguments") {
    return pages_of([&](RunStore& runs) -> Status {
      const auto done = runs.submit(record, arguments);
      return done ? Status() : Status(Failure(done.error()));
    });
  }
  // How SQLite goes about a query.
  std::string plan_of(std::string_view query) {
    auto database = Database::open(file);
    const auto steps = all_rows(
        *database, [](const Statement& row) { return row.text(3); },
        "EXPLAIN QUERY PLAN " + std::string(query));
    std::string plan;
    for (const std::string& step : *steps) plan += step + "\n";
    return plan;
  }

  TemporaryDirectory directory;
  std::filesystem::path file = directory / "runs.sqlite";
  RunStore store;
};

TEST_F(RunPages, ASubmissionWritesItsRowAndTwoIndexes) {
  submit(run(1));
  EXPECT_EQ(submit(run(2)), 3u);
}

TEST_F(RunPages, AKeyWritesOneMore) {
  submit(run(1, "first"));
  EXPECT_EQ(submit(run(2, "second")), 4u);
}

TEST_F(RunPages, AStartWritesTheRowAndTheAttempt) {
  submit(run(1));
  EXPECT_EQ(pages_of([](RunStore& runs) -> Status {
              const auto started = runs.start(run(1).id, {1});
              return started ? Status() : Status(Failure(started.error()));
            }),
            2u);
}

TEST_F(RunPages, AnEndWritesTheRowTheAttemptAndTwoIndexes) {
  submit(run(1));
  pages_of([](RunStore& runs) -> Status {
    const auto started = runs.start(run(1).id, {1});
    return started ? Status() : Status(Failure(started.error()));
  });
  EXPECT_EQ(pages_of([](RunStore& runs) {
              return runs.finish(run(1).id, {}, {AnswerKind::kResult, "head", "value"});
            }),
            4u);
}

TEST_F(RunPages, ValuesOfEverySizeComeBack) {
  std::uint64_t number = 0;
  for (const std::size_t size :
       {std::size_t{0}, RunStore::kRowBytes, RunStore::kRowBytes + 1, RunStore::kInlineBytes + 1}) {
    const RunRecord record = run(++number);
    const std::string value(size, 'x');
    submit(record, value);
    EXPECT_EQ(store.arguments(record.id).value(), value);
    pages_of([&](RunStore& runs) {
      return runs.finish(record.id, {}, {AnswerKind::kResult, "", value});
    });
    EXPECT_EQ(store.answer(record.id).value(), (RunAnswer{AnswerKind::kResult, "", value}));
    EXPECT_EQ(store.arguments(record.id).value(), std::nullopt);
  }
}

TEST_F(RunPages, AnIdAndAKeyAreLookedUp) {
  EXPECT_THAT(plan_of(select_runs("WHERE id = ?")), HasSubstr("SEARCH runs USING INDEX"));
  EXPECT_THAT(plan_of(select_runs("WHERE key = ?")), HasSubstr("USING INDEX runs_by_key"));
}

TEST_F(RunPages, AStartOfTheNodeLooksOnlyAtWhatHasNotEnded) {
  RunFilter filter;
  filter.statuses = {RunStatus::kQueued};
  EXPECT_THAT(plan_of(list_query(filter)), HasSubstr("USING INDEX runs_unfinished"));
  filter.statuses = {RunStatus::kRunning};
  EXPECT_THAT(plan_of(list_query(filter)), HasSubstr("USING INDEX runs_unfinished"));
}

// So that a list stops when it has enough.
TEST_F(RunPages, ListsGoFromTheNewestRunOnWithoutSorting) {
  RunFilter failed;
  failed.statuses = {RunStatus::kFailed, RunStatus::kLost};
  for (const std::string& query : {list_query({}), list_query(failed)}) {
    EXPECT_THAT(plan_of(query), HasSubstr("USING INDEX sqlite_autoindex_runs_1"));
    EXPECT_THAT(plan_of(query), Not(HasSubstr("TEMP B-TREE")));
  }
}

TEST_F(RunPages, RetentionGoesByTheEnd) {
  EXPECT_THAT(plan_of(expired_query()), HasSubstr("USING INDEX runs_by_end"));
}

}  // namespace
}  // namespace leanto
