// Runs that wait for their turn, and those that may not wait.
#include "node/runs_fixture.h"

namespace leanto::node {
namespace {

using ::testing::ElementsAre;
using wire::Json;

const Json kNow = {{"max_queue", 0}};

struct RunsAdmissionTest : RunsTest {
  std::string submit_of(const std::string& session) {
    const std::string caller = Json{{"session", session}}.dump();
    const auto done =
        test.get(runs->submit(submission(), caller, wire::Body(std::string_view("x"))));
    EXPECT_TRUE(done) << done.error().message;
    return done->run.id;
  }
  std::size_t position(const std::string& id) { return runs->find_waiting(id).value().position; }
  std::size_t count_records() { return open_store().list({}).value().size(); }
};

TEST_F(RunsAdmissionTest, HaveTheirTurnBySessionAlsoAfterARestart) {
  const std::string greedy = submit_of("greedy");
  const std::string second = submit_of("greedy");
  const std::string modest = submit_of("modest");
  EXPECT_EQ(position(greedy), 0u);
  EXPECT_EQ(position(modest), 1u);
  EXPECT_EQ(position(second), 2u);
  target = make_target(1, 1);  // of the next node
  begin_node();
  ASSERT_TRUE(runs->recover(*store));
  EXPECT_EQ(position(greedy), 0u);
  EXPECT_EQ(position(modest), 1u);
  EXPECT_EQ(position(second), 2u);
}

TEST_F(RunsAdmissionTest, HaveNoPositionOnceAWorkerHasThem) {
  const auto worker = start(target);
  const std::string id = submit_run();
  EXPECT_FALSE(runs->find_waiting(id));
  say_value(*worker, hear_call(*worker));
  wait_for(id);
  EXPECT_FALSE(runs->find_waiting(id));
}

TEST_F(RunsAdmissionTest, ThatMayNotWaitLeaveNoRecord) {
  const auto worker = start(target);
  submit_run();
  const auto refused = try_submit(kNow);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kCapacity);
  EXPECT_EQ(count_records(), 1u);
  EXPECT_EQ(target->announced, 0);
}

TEST_F(RunsAdmissionTest, ThatMayNotWaitAreCountedWhileTheyAreRecorded) {
  const auto worker = start(target);
  std::vector<bool> accepted;
  auto submit = [](Runs& into, wire::Submission asked, std::vector<bool>& done) -> net::Task<> {
    const auto submitted =
        co_await into.submit(std::move(asked), "{}", wire::Body(std::string_view("x")));
    done.push_back(submitted.has_value());
  };
  for (int i = 0; i < 3; ++i) test.loop.spawn("submit", submit(*runs, submission(kNow), accepted));
  ASSERT_TRUE(test.run_until([&] { return accepted.size() == 3; }));
  EXPECT_THAT(accepted, ElementsAre(false, false, true)) << "refusals need no disk";
  EXPECT_EQ(count_records(), 1u);
}

TEST_F(RunsAdmissionTest, WithAKeyOfARunAreThatRun) {
  const auto worker = start(target);
  const std::string id = submit_run({{"key", "nightly"}});
  const auto again = try_submit({{"key", "nightly"}, {"max_queue", 0}});
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->run.id, id);
  EXPECT_FALSE(again->is_new);
  EXPECT_FALSE(try_submit({{"key", "weekly"}, {"max_queue", 0}}));
}

}  // namespace
}  // namespace leanto::node
