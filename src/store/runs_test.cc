#include "store/runs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "os/temporary_directory.h"

namespace leanto {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class RunStoreTest : public testing::Test {
 protected:
  void SetUp() override { reopen(); }

  void reopen() {
    store_.reset();
    auto opened = RunStore::open(directory_ / "runs.sqlite", directory_ / "runs");
    ASSERT_TRUE(opened.has_value()) << opened.error().message;
    store_.emplace(*std::move(opened));
  }
  RunStore& store() { return *store_; }
  std::filesystem::path file(const std::string& name) const { return directory_ / "runs" / name; }

  // One piece of work in a commit of its own.
  Status commit(std::function<Status(RunStore&)> work) {
    std::vector<RunStore::Work> works{{std::move(work), {}}};
    store().commit(works);
    return works[0].status;
  }
  RunStore::Submitted submit(const RunRecord& run, const std::string& arguments = "arguments",
                             const std::string& replaces = {}) {
    RunStore::Submitted submitted;
    const Status done = commit([&](RunStore& runs) -> Status {
      auto result = runs.submit(run, arguments, replaces);
      if (!result) return Failure(result.error());
      submitted = *std::move(result);
      return {};
    });
    EXPECT_TRUE(done) << done.error().message;
    return submitted;
  }
  Result<RunStore::Started> start(const std::string& id, std::int64_t at = 2000) {
    Result<RunStore::Started> started;
    const Status done = commit([&](RunStore& runs) -> Status {
      started = runs.start(id, {at});
      return started ? Status() : Status(Failure(started.error()));
    });
    return started;
  }
  Status finish(const std::string& id, RunStatus status = RunStatus::kSucceeded,
                const RunAnswer& answer = {}, std::int64_t at = 3000) {
    RunOutcome outcome;
    outcome.status = status;
    outcome.at = at;
    return commit([&](RunStore& runs) { return runs.finish(id, outcome, answer); });
  }
  static std::optional<NextAttempt> decide_nothing(const RunRecord&) { return std::nullopt; }
  std::vector<RunRecord> recover(const RunStore::Decide& decide = decide_nothing) {
    std::vector<RunRecord> queued;
    EXPECT_TRUE(commit([&](RunStore& runs) -> Status {
      auto found = runs.recover(9000, "the node was restarted", decide);
      if (!found) return Failure(found.error());
      queued = *std::move(found);
      return {};
    }));
    return queued;
  }
  std::vector<std::string> kept() {
    std::vector<std::string> ids;
    const auto runs = store().list({});
    for (const RunRecord& run : *runs) ids.push_back(run.id);
    return ids;
  }

 private:
  TemporaryDirectory directory_;
  std::optional<RunStore> store_;
};

RunRecord run(const std::string& id, std::optional<std::string> key = {}) {
  RunRecord record;
  record.id = id;
  record.key = std::move(key);
  record.service = "demo.train";
  record.version = "v1";
  record.head = std::string("\x81\xa1v\0", 4);
  record.digest = "d1";
  record.caller = R"({"pid":7})";
  record.node = "here";
  record.created_at = 1000;
  return record;
}

TEST_F(RunStoreTest, KeepsASubmittedRunWithItsArguments) {
  const std::string arguments("pickled\0bytes", 13);
  submit(run("r1", "nightly"), arguments);
  reopen();
  RunRecord expected = run("r1", "nightly");
  expected.arguments_size = 13;
  EXPECT_EQ(store().find("r1").value(), expected);
  EXPECT_EQ(store().find_by_key("nightly").value(), expected);
  EXPECT_EQ(store().find("r2").value(), std::nullopt);
  EXPECT_EQ(start("r1").value().arguments, arguments);
}

TEST_F(RunStoreTest, StartsARunOnceAndSaysWhichAttemptItIs) {
  submit(run("r1"));
  EXPECT_EQ(start("r1").value().attempt, 1);
  EXPECT_EQ(start("r1").error().kind, ErrorKind::kInvalid);
  reopen();
  EXPECT_EQ(start("r1").error().kind, ErrorKind::kInvalid);
  const RunRecord found = store().find("r1").value().value();
  EXPECT_EQ(found.status, RunStatus::kRunning);
  EXPECT_EQ(found.started_at, 2000);
  EXPECT_THAT(store().attempts("r1").value(), SizeIs(1));
}

TEST_F(RunStoreTest, RecordsAnOutcomeOnce) {
  submit(run("r1"));
  ASSERT_TRUE(start("r1"));
  ASSERT_TRUE(finish("r1", RunStatus::kSucceeded, {AnswerKind::kResult, "head", "value"}));
  EXPECT_EQ(finish("r1", RunStatus::kFailed).error().kind, ErrorKind::kAlreadyExists);
  reopen();
  EXPECT_THAT(recover(), IsEmpty());
  const RunRecord found = store().find("r1").value().value();
  EXPECT_EQ(found.status, RunStatus::kSucceeded);
  EXPECT_EQ(found.ended_at, 3000);
  EXPECT_EQ(found.answer_size, 5);
  EXPECT_EQ(store().answer("r1").value(), (RunAnswer{AnswerKind::kResult, "head", "value"}));
  const auto attempts = store().attempts("r1").value();
  ASSERT_THAT(attempts, SizeIs(1));
  EXPECT_EQ(attempts[0].outcome, "succeeded");
  EXPECT_EQ(attempts[0].ended_at, 3000);
}

TEST_F(RunStoreTest, KeepsWhatFailedWithItsError) {
  submit(run("r1"));
  RunOutcome outcome;
  outcome.error = RunError{"user", "KeyError", "'x'", "Traceback..."};
  outcome.reason = "why";
  outcome.log_size = 42;
  ASSERT_TRUE(commit([&](RunStore& runs) {
    return runs.finish("r1", outcome, {AnswerKind::kError, "head", "pickled"});
  }));
  reopen();
  const RunRecord found = store().find("r1").value().value();
  EXPECT_EQ(found.error, outcome.error);
  EXPECT_EQ(found.reason, "why");
  EXPECT_EQ(found.log_size, 42);
  EXPECT_EQ(store().answer("r1").value().kind, AnswerKind::kError);
}

TEST_F(RunStoreTest, KeepsLargeValuesInFilesBesideIt) {
  const std::string large(RunStore::kInlineBytes + 1, 'x');
  submit(run("r1"), large);
  EXPECT_EQ(std::filesystem::file_size(file("r1.arguments")), large.size());
  reopen();
  EXPECT_EQ(start("r1").value().arguments, large);
  ASSERT_TRUE(finish("r1", RunStatus::kSucceeded, {AnswerKind::kResult, "", large}));
  EXPECT_EQ(store().answer("r1").value().bytes, large);
  EXPECT_TRUE(std::filesystem::exists(file("r1.result")));
}

TEST_F(RunStoreTest, GivesTheSameRunForTheSameKey) {
  submit(run("r1", "k"));
  const auto again = submit(run("r2", "k"));
  EXPECT_EQ(again.decision, KeyDecision::kSame);
  EXPECT_EQ(again.run.id, "r1");
  EXPECT_THAT(kept(), ElementsAre("r1"));
}

TEST_F(RunStoreTest, RefusesTheKeyOfAnotherRunUnlessItGivesWay) {
  submit(run("r1", "k"));
  RunRecord other = run("r2", "k");
  other.digest = "d2";
  EXPECT_EQ(submit(other).decision, KeyDecision::kConflict);
  EXPECT_EQ(submit(other, "", "r1").decision, KeyDecision::kConflict) << "r1 hasn't ended";
  ASSERT_TRUE(finish("r1", RunStatus::kCancelled));
  EXPECT_EQ(submit(other, "", "r0").decision, KeyDecision::kConflict) << "r0 is another run";
  EXPECT_EQ(submit(other, "", "r1").decision, KeyDecision::kNew);
  EXPECT_EQ(store().find_by_key("k").value()->id, "r2");
  EXPECT_EQ(store().find("r1").value()->key, std::nullopt);
}

TEST(RunKey, StandsForTheSameCallOnly) {
  const RunRecord holder = run("r1", "k");
  EXPECT_EQ(decide_key(std::nullopt, holder), KeyDecision::kNew);
  EXPECT_EQ(decide_key(holder, holder), KeyDecision::kSame);
  for (auto member :
       {&RunRecord::version, &RunRecord::object, &RunRecord::member, &RunRecord::digest}) {
    RunRecord asked = holder;
    asked.*member = "another";
    EXPECT_EQ(decide_key(holder, asked), KeyDecision::kConflict);
  }
  RunRecord elsewhere = holder;
  elsewhere.id = "r2";
  elsewhere.caller = "somebody else";
  EXPECT_EQ(decide_key(holder, elsewhere), KeyDecision::kSame);
}

TEST_F(RunStoreTest, LosesWhatRanAndKeepsWhatIsQueuedInOrder) {
  for (const char* id : {"r1", "r2", "r3", "r4"}) submit(run(id));
  ASSERT_TRUE(start("r1"));
  ASSERT_TRUE(start("r3"));
  ASSERT_TRUE(finish("r3"));
  reopen();
  const auto queued = recover();
  ASSERT_THAT(queued, SizeIs(2));
  EXPECT_EQ(queued[0].id, "r2");
  EXPECT_EQ(queued[1].id, "r4");
  const RunRecord lost = store().find("r1").value().value();
  EXPECT_EQ(lost.status, RunStatus::kLost);
  EXPECT_EQ(lost.reason, "the node was restarted");
  EXPECT_EQ(lost.ended_at, 9000);
  EXPECT_EQ(store().attempts("r1").value()[0].outcome, "lost");
  EXPECT_EQ(store().find("r3").value()->status, RunStatus::kSucceeded);
  EXPECT_EQ(finish("r1").error().kind, ErrorKind::kAlreadyExists);
}

TEST_F(RunStoreTest, CommitsManyTogetherAndOneFailureLeavesTheOthers) {
  submit(run("r1"));
  std::vector<RunStore::Work> works;
  for (const char* id : {"r2", "r1", "r3"}) {
    works.push_back({[id](RunStore& runs) -> Status {
                       const auto submitted = runs.submit(run(id), "arguments");
                       return submitted ? Status() : Status(Failure(submitted.error()));
                     },
                     {}});
  }
  store().commit(works);
  EXPECT_TRUE(works[0].status);
  EXPECT_EQ(works[1].status.error().kind, ErrorKind::kAlreadyExists);
  EXPECT_TRUE(works[2].status);
  reopen();
  EXPECT_THAT(kept(), ElementsAre("r3", "r2", "r1"));
}

TEST_F(RunStoreTest, TakesWorkBackThatFailsHalfWay) {
  const Status done = commit([](RunStore& runs) -> Status {
    if (!runs.submit(run("r1"), "arguments")) return {};
    return fail(ErrorKind::kCapacity, "the disk is full");
  });
  EXPECT_EQ(done.error().kind, ErrorKind::kCapacity);
  EXPECT_THAT(kept(), IsEmpty());
  submit(run("r1"));  // nothing of it is in the way
  EXPECT_THAT(kept(), ElementsAre("r1"));
}

TEST_F(RunStoreTest, ListsTheNewestFirstOfWhatIsAskedFor) {
  for (const char* id : {"r1", "r2", "r3"}) {
    RunRecord record = run(id);
    record.service = id == std::string("r2") ? "demo.other" : "demo.train";
    record.created_at = 1000 + (id[1] - '0');
    submit(record);
  }
  ASSERT_TRUE(finish("r1", RunStatus::kFailed));
  EXPECT_THAT(kept(), ElementsAre("r3", "r2", "r1"));
  RunFilter filter;
  filter.service = "demo.train";
  EXPECT_THAT(store().list(filter).value(), SizeIs(2));
  filter.statuses = {RunStatus::kFailed, RunStatus::kLost};
  EXPECT_EQ(store().list(filter).value().at(0).id, "r1");
  filter = {};
  filter.since = 1002;
  EXPECT_THAT(store().list(filter).value(), SizeIs(2));
  filter.limit = 1;
  EXPECT_EQ(store().list(filter).value().at(0).id, "r3");
}

TEST_F(RunStoreTest, ForgetsWhatIsOverTheBoundsAndNothingThatHasNotEnded) {
  const std::string large(100'000, 'x');
  for (int i = 0; i < 6; ++i) submit(run(fmt::format("r{}", i), fmt::format("k{}", i)));
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(finish(fmt::format("r{}", i), RunStatus::kSucceeded,
                       {AnswerKind::kResult, "", large}, 3000 + i));
  }
  auto prune = [&](RunRetention retention) {
    std::size_t removed = 0;
    EXPECT_TRUE(commit([&](RunStore& runs) -> Status {
      const auto done = runs.prune(retention, 10'000);
      if (!done) return Failure(done.error());
      removed = done->size();
      return {};
    }));
    return removed;
  };
  EXPECT_EQ(prune({}), 0u);
  EXPECT_EQ(prune({.keep_ms = 10'000 - 3001}), 1u);
  EXPECT_THAT(kept(), ElementsAre("r5", "r4", "r3", "r2", "r1"));
  EXPECT_FALSE(std::filesystem::exists(file("r0.result")));
  EXPECT_EQ(store().find_by_key("k0").value(), std::nullopt) << "the key is free again";
  EXPECT_EQ(prune({.max_bytes = 300'100}), 1u);
  EXPECT_EQ(prune({.max_count = 1}), 2u);
  EXPECT_THAT(kept(), ElementsAre("r5", "r4"));
  EXPECT_EQ(store().answer("r4").value().bytes, large);
}

// Such as one that was made before runs could be replayed.
TEST_F(RunStoreTest, GivesUpArgumentsWhenTheRunHasEndedUnlessTheyAreKept) {
  for (const std::size_t size : {10, 100'000}) {
    for (const bool keep : {false, true}) {
      const std::string arguments(size, 'x');
      RunRecord asked = run(fmt::format("r{}{}", size, keep));
      asked.keep_arguments = keep;
      submit(asked, arguments);
      ASSERT_TRUE(start(asked.id));
      EXPECT_EQ(store().arguments(asked.id).value(), arguments);
      ASSERT_TRUE(finish(asked.id));
      EXPECT_EQ(store().arguments(asked.id).value().has_value(), keep);
      EXPECT_EQ(std::filesystem::exists(file(asked.id + ".arguments")), keep && size > 1000);
      EXPECT_EQ(store().find(asked.id).value()->keep_arguments, keep);
    }
  }
}

TEST_F(RunStoreTest, HasArgumentsUntilTheEndIsOnDisk) {
  submit(run("r1"), std::string(100'000, 'x'));
  ASSERT_TRUE(start("r1"));
  const Status failed = commit([](RunStore& runs) -> Status {
    EXPECT_TRUE(runs.finish("r1", {}, {}));
    return fail(ErrorKind::kCapacity, "no room");
  });
  EXPECT_FALSE(failed);
  EXPECT_TRUE(std::filesystem::exists(file("r1.arguments")));
  EXPECT_EQ(store().arguments("r1").value().value().size(), 100'000u);
}

TEST_F(RunStoreTest, RemovesTheArgumentsOfARunThatEndedAsTheNodeDid) {
  submit(run("r1"), std::string(100'000, 'x'));
  ASSERT_TRUE(finish("r1"));
  std::ofstream(file("r1.arguments")) << "still there";
  ASSERT_TRUE(commit([](RunStore& runs) { return runs.remove_orphans(); }));
  EXPECT_FALSE(std::filesystem::exists(file("r1.arguments")));
}

TEST_F(RunStoreTest, BeganWithItsFirstAttempt) {
  submit(run("r1"));
  ASSERT_TRUE(start("r1", 2000));
  ASSERT_TRUE(commit([](RunStore& runs) { return runs.retry("r1", {}, {}); }));
  ASSERT_TRUE(start("r1", 7000));
  EXPECT_EQ(store().find("r1").value()->started_at, 2000);
  const auto attempts = store().attempts("r1");
  ASSERT_THAT(*attempts, SizeIs(2));
  EXPECT_EQ(attempts->at(0).started_at, 2000);
  EXPECT_EQ(attempts->at(1).started_at, 7000);
}

TEST_F(RunStoreTest, SaysWhatWouldGoTheOldestFirst) {
  for (int i = 0; i < 3; ++i) {
    RunRecord asked = run(fmt::format("r{}", i), fmt::format("k{}", i));
    asked.keep_arguments = i == 1;
    submit(asked, "arguments");
    ASSERT_TRUE(
        finish(asked.id, RunStatus::kSucceeded, {AnswerKind::kResult, "", "value"}, 3000 + i));
  }
  const auto expired = store().expired({.max_count = 1}, 10'000);
  ASSERT_TRUE(expired);
  EXPECT_THAT(*expired,
              ElementsAre(ExpiredRun{"r0", "k0", run("r0").service, "succeeded", 3000, 5},
                          ExpiredRun{"r1", "k1", run("r1").service, "succeeded", 3001, 14}));
  EXPECT_THAT(kept(), SizeIs(3));
}

TEST_F(RunStoreTest, RemovesFilesWhoseRecordDidNotComeToBe) {
  submit(run("r1"), std::string(100'000, 'x'));
  std::ofstream(file("r2.result")) << "torn";
  std::ofstream(file("r2.result.new")) << "torn";
  ASSERT_TRUE(commit([](RunStore& runs) { return runs.remove_orphans(); }));
  EXPECT_TRUE(std::filesystem::exists(file("r1.arguments")));
  EXPECT_FALSE(std::filesystem::exists(file("r2.result")));
  EXPECT_FALSE(std::filesystem::exists(file("r2.result.new")));
}

}  // namespace
}  // namespace leanto
