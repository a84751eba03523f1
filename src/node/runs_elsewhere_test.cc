#include <memory>

#include "node/runs_fixture.h"
#include "os/unix_socket.h"

namespace leanto::node {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using wire::FrameType;
using wire::Json;

// The node here, and one named "box" that the test plays.
struct RunsElsewhereTest : RunsTest {
  ~RunsElsewhereTest() override { leave(); }

  // The node here ends, and so do its conversations.
  void leave() {
    test.run(runs->stop());
    refused = Error{ErrorKind::kNotFound, "it is forgotten"};
    for (const auto& asker : askers) asker->close();
    auto nothing = [] { return true; };
    test.get(test.loop.in_background(std::move(nothing)));
    std::size_t asked = 0;
    while (std::exchange(asked, asked_again.size()) != asked_again.size()) test.settle();
  }

  net::Task<Result<std::shared_ptr<Asker>>> find_asker(std::string node, bool again) override {
    asked_again.push_back(again);
    if (refused) co_return Failure(*refused);
    auto ends = socket_pair();
    box.emplace(std::move(ends->second));
    auto asker = std::make_shared<Asker>(test.loop, outgoing, ends->first.release(), node);
    asker->start(wire::encode_head({{"version", "1"}}));
    askers.push_back(asker);
    co_return asker;
  }

  static Json place(const std::string& node) {
    return {{"node", node}, {"service", "shop.add"}, {"version", "abc"}, {"call", {{"v", "abc"}}}};
  }
  static Json placed(const std::vector<std::string>& nodes, Json kinds = {"worker_died"}) {
    Json places = Json::array();
    for (const std::string& node : nodes) places.push_back(place(node));
    return {{"places", places},
            {"retries",
             {{"attempts", 3},
              {"kinds", std::move(kinds)},
              {"delay", 0},
              {"jitter", 0},
              {"places", nodes.size()}}}};
  }
  // The next question of that kind.
  Heard hear_question(const std::string& op) {
    std::optional<Heard> found;
    EXPECT_TRUE(test.run_until([&] {
      if (!box) return false;
      for (Heard& heard : box->hear()) {
        if (heard.type == FrameType::kAsk && heard.json().value("op", "") == op)
          found = std::move(heard);
      }
      return found.has_value();
    })) << op;
    return found.value_or(Heard{});
  }
  void answer(const Heard& question, const Json& head, std::string_view body = {}) {
    box->say(FrameType::kResult, question.stream, wire::encode_head(head), body);
  }
  Heard take_submission() {
    Heard submission = hear_question("submit");
    answer(submission, {{"id", "there"}, {"status", "queued"}});
    return submission;
  }
  void say_log(std::string_view records, std::uint64_t next, bool ended) {
    const Heard asked = hear_question("run_logs");
    answer(asked, {{"offset", 0}, {"next", next}, {"gap", 0}, {"ended", ended}}, records);
  }
  void end_there(const Json& result, std::string_view body = {}) {
    say_log("", 0, true);
    answer(hear_question("run_record"), {{"run", {{"memory_peak", 77}, {"cpu_time", 0.5}}}});
    answer(hear_question("run_result"), result, body);
  }
  std::vector<RunStore::Attempt> attempts(const std::string& id) {
    std::string copy = id;
    return *test.get(runs->attempts(std::move(copy)));
  }
  std::string log_of(const std::string& id) {
    std::string copy = id;
    const auto answer = *test.get(runs->logs(std::move(copy), 0, 0s));
    std::string text;
    for (std::string_view rest = answer.piece.records; !rest.empty();) {
      const std::size_t end = rest.find('\n');
      text += Json::parse(rest.substr(0, end)).value("text", "");
      rest.remove_prefix(end + 1);
    }
    return text;
  }

  std::optional<FrameSocket> box;
  std::vector<std::shared_ptr<Asker>> askers;
  std::vector<bool> asked_again;
  std::optional<Error> refused;
};

constexpr std::string_view kLines =
    "{\"time\":1,\"stream\":\"stdout\",\"text\":\"one\\n\"}\n"
    "{\"time\":2,\"stream\":\"stderr\",\"text\":\"two\\n\"}\n";

TEST_F(RunsElsewhereTest, AnAttemptIsARunThereWithAKeyOfItsOwn) {
  target = nullptr;  // the code isn't here
  Json asked = placed({"box"});
  asked["key"] = "nightly";
  asked["timeout"] = 60;
  const std::string id = submit_run(asked);
  const Heard submission = take_submission();
  EXPECT_EQ(submission.body, "arguments");
  const Json call = submission.json()["call"];
  EXPECT_EQ(call["key"], id + "#1");
  EXPECT_EQ(call["v"], "abc");
  EXPECT_FALSE(call.contains("retries") || call.contains("places") || call.contains("timeout"));
  EXPECT_EQ(on_disk(id).service, "shop.add");
  EXPECT_EQ(on_disk(id).status, RunStatus::kRunning);
  say_log(kLines, kLines.size(), false);
  end_there({{"status", "succeeded"}, {"said", {{"b", {1}}}}}, "value");
  EXPECT_EQ(wait_for(id).runs.at(0).status, RunStatus::kSucceeded);
  EXPECT_EQ(test.get(runs->answer(id))->bytes, "value");
  EXPECT_EQ(log_of(id), "one\ntwo\n");
  EXPECT_EQ(attempts(id).at(0).node, "box");
  EXPECT_EQ(attempts(id).at(0).memory_peak, 77);
  EXPECT_EQ(attempts(id).at(0).cpu_ms, 500);
}

TEST_F(RunsElsewhereTest, ItsErrorIsFollowedByAnAttemptHere) {
  const auto worker = start(target);
  const std::string id = submit_run(placed({"box", ""}));
  take_submission();
  end_there({{"status", "failed"}, {"error", {{"kind", "worker_died"}, {"message", "killed"}}}});
  const Heard heard = hear_call_frame(*worker);
  EXPECT_EQ(heard.body, "arguments");
  EXPECT_EQ(on_disk(id).place, 1);
  say_value(*worker, heard.stream);
  EXPECT_EQ(wait_for(id).runs.at(0).status, RunStatus::kSucceeded);
  EXPECT_EQ(attempts(id).at(0).error->message, "killed");
  EXPECT_EQ(attempts(id).at(1).node, "");
}

TEST_F(RunsElsewhereTest, WhatNeverBeganGoesOnWithoutThatBeingNamed) {
  const auto worker = start(target);
  refused = Error{ErrorKind::kAccessDenied, "the key was refused"};
  const std::string id = submit_run(placed({"box", ""}, {"node_lost"}));
  say_value(*worker, hear_call(*worker));
  EXPECT_EQ(wait_for(id).runs.at(0).status, RunStatus::kSucceeded);
  EXPECT_EQ(attempts(id).at(0).error->message, "the key was refused");
}

TEST_F(RunsElsewhereTest, AsksAgainUnderTheSameKeyAfterALinkThatBroke) {
  target = nullptr;
  const std::string id = submit_run(placed({"box"}));
  take_submission();
  say_log(kLines, kLines.size(), false);
  (void)hear_question("run_logs");
  box->close();
  const Heard again = hear_question("run_logs");
  EXPECT_EQ(again.json()["offset"], kLines.size());
  EXPECT_THAT(asked_again, ElementsAre(false, true));
  answer(again, {{"offset", 0}, {"next", kLines.size()}, {"ended", true}});
  answer(hear_question("run_record"), {{"run", Json::object()}});
  answer(hear_question("run_result"), {{"status", "succeeded"}, {"said", Json::object()}}, "v");
  EXPECT_EQ(wait_for(id).runs.at(0).status, RunStatus::kSucceeded);
  EXPECT_EQ(log_of(id), "one\ntwo\n");
}

TEST_F(RunsElsewhereTest, IsNotLostUntilThatIsKnownUnlessThePolicyIsForLostNodes) {
  target = nullptr;
  const std::string id = submit_run(placed({"box"}));
  take_submission();
  refused = Error{ErrorKind::kNodeLost, "no route"};
  box->close();
  ASSERT_TRUE(test.run_until([&] {
    std::string copy = id;
    return test.get(runs->get(std::move(copy)))->status == RunStatus::kUnknown;
  }));
  refused.reset();
  end_there({{"status", "succeeded"}, {"said", Json::object()}}, "v");
  EXPECT_EQ(wait_for(id).runs.at(0).status, RunStatus::kSucceeded);
}

TEST_F(RunsElsewhereTest, OnALostNodeIsFollowedWhereThatIsNamed) {
  const auto worker = start(target);
  const std::string id = submit_run(placed({"box", ""}, {"node_lost"}));
  take_submission();
  refused = Error{ErrorKind::kNodeLost, "no route"};
  box->close();
  say_value(*worker, hear_call(*worker));
  EXPECT_EQ(wait_for(id).runs.at(0).status, RunStatus::kSucceeded);
  EXPECT_EQ(attempts(id).at(0).outcome, "lost");
}

TEST_F(RunsElsewhereTest, ACancelIsSaidThere) {
  target = nullptr;
  const std::string id = submit_run(placed({"box", "box"}));
  take_submission();
  const Heard asked = hear_question("run_logs");
  EXPECT_TRUE(*test.get(runs->cancel(id, "enough")));
  EXPECT_EQ(hear_question("run_cancel").json()["reason"], "enough");
  answer(asked, {{"offset", 0}, {"next", 0}, {"ended", true}});
  answer(hear_question("run_record"), {{"run", Json::object()}});
  answer(hear_question("run_result"),
         {{"status", "cancelled"}, {"error", {{"kind", "cancelled"}, {"message", "it was"}}}});
  const RunRecord run = wait_for(id).runs.at(0);
  EXPECT_EQ(run.status, RunStatus::kCancelled);
  EXPECT_EQ(run.attempt, 1);
}

TEST_F(RunsElsewhereTest, TheNextNodeHereTakesItUpAndHasEachLineOnce) {
  target = nullptr;
  const std::string id = submit_run(placed({"box"}));
  take_submission();
  say_log(kLines.substr(0, kLines.find('\n') + 1), 47, false);
  ASSERT_TRUE(test.run_until([&] { return log_of(id) == "one\n"; }));
  leave();
  EXPECT_EQ(on_disk(id).status, RunStatus::kRunning) << "it's not lost by that";
  refused.reset();
  begin_node();
  ASSERT_TRUE(runs->recover(*store));
  const Heard again = take_submission();
  EXPECT_EQ(again.json()["call"]["key"], id + "#1");
  say_log(kLines, kLines.size(), false);
  end_there({{"status", "succeeded"}, {"said", Json::object()}}, "v");
  EXPECT_EQ(wait_for(id).runs.at(0).status, RunStatus::kSucceeded);
  EXPECT_EQ(log_of(id), "one\ntwo\n");
  EXPECT_EQ(attempts(id).size(), 1u);
}

TEST_F(RunsElsewhereTest, WhatTheOtherNodeRefusesSaysWhy) {
  target = nullptr;
  const std::string id = submit_run(placed({"box"}));
  const Heard submission = hear_question("submit");
  box->say(FrameType::kError, submission.stream,
           wire::encode_error({ErrorKind::kCapacity, "its queue is full"}));
  const RunRecord run = wait_for(id).runs.at(0);
  EXPECT_EQ(run.status, RunStatus::kFailed);
  EXPECT_THAT(run.error->message, HasSubstr("its queue is full"));
}

}  // namespace
}  // namespace leanto::node
