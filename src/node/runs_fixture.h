// For tests of Runs: a node's runs on a store on disk, with workers that the test plays.
#pragma once

#include <gmock/gmock.h>

#include <chrono>
#include <optional>
#include <string>

#include "node/calls_fixture.h"
#include "node/runs.h"
#include "os/temporary_directory.h"

namespace leanto::node {

using namespace std::chrono_literals;

struct RunsTest : CallsTest {
  RunsTest() { begin_node(); }
  // What the background thread does with the store has ended.
  ~RunsTest() override {
    auto nothing = [] { return true; };
    test.get(test.loop.in_background(std::move(nothing)));
  }

  void begin_node() {
    runs.reset();
    logs.reset();
    journal.reset();
    store.emplace(open_store());
    journal.emplace(test.loop, *store);
    logs.emplace(test.loop, clock, (directory / "runs").string(), 1 << 20);
    runs.emplace(Runs::Parts{
        test.loop, clock, calls, *journal, *logs,
        [this](const wire::CallHead& head) { return find_target(head); }, "here",
        RunLimits{{}, 1000},
        [this](const TargetPtr&, std::uint64_t memory) {
          resized_to = memory;
          return larger;
        },
        [](const SlotAsk&) { return RunShare{2000, 3'600'000}; },
        [this](std::string node, bool again) { return find_asker(std::move(node), again); }});
  }
  // Other nodes: none, if a test has none.
  virtual net::Task<Result<std::shared_ptr<Asker>>> find_asker(std::string node, bool) {
    co_return fail(ErrorKind::kNotFound, "no node is named '{}'", node);
  }
  RunStore open_store() { return *RunStore::open(directory / "runs.sqlite", directory / "runs"); }
  Result<TargetPtr> find_target(const wire::CallHead&) {
    if (!target) return fail(ErrorKind::kNotFound, "it is gone");
    return target;
  }
  // What is on disk, as another process would see it.
  RunRecord on_disk(const std::string& id) {
    return open_store().find(id).value().value_or(RunRecord{});
  }

  static wire::Submission submission(const wire::Json& more = wire::Json::object()) {
    wire::Json call = {{"v", "abc"}};
    if (!more.is_null()) call.update(more);  // {} is null
    return *wire::parse_submission(call);
  }
  Result<Runs::Submitted> try_submit(const wire::Json& more = wire::Json::object(),
                                     std::string_view arguments = "arguments") {
    return test.get(runs->submit(submission(more), "{}", wire::Body(arguments)));
  }
  std::string submit_run(const wire::Json& more = wire::Json::object(),
                         std::string_view arguments = "arguments") {
    const auto submitted = try_submit(more, arguments);
    EXPECT_TRUE(submitted) << submitted.error().message;
    return submitted->run.id;
  }
  // The number of the call that the worker gets next.
  std::uint32_t hear_call(FakeWorker& worker) {
    std::vector<std::uint32_t> numbers;
    EXPECT_TRUE(test.run_until([&] {
      numbers = sent_to(worker);
      return !numbers.empty();
    }));
    EXPECT_EQ(numbers.size(), 1u);
    return numbers.at(0);
  }
  // The same, with what it's asked.
  Heard hear_call_frame(FakeWorker& worker) {
    std::optional<Heard> call;
    EXPECT_TRUE(test.run_until([&] {
      for (Heard& heard : worker.process->hear()) {
        if (heard.type == wire::FrameType::kCall) call = std::move(heard);
      }
      return call.has_value();
    }));
    return call.value_or(Heard{});
  }
  Runs::Ended wait_for(const std::string& id) {
    std::vector<std::string> ids{id};
    return *test.get(runs->wait(std::move(ids), 10s));
  }
  void say_value(FakeWorker& worker, std::uint32_t call, std::string_view value = "value") {
    worker.process->say(wire::FrameType::kResult, call, {}, value);
  }
  void say_error(FakeWorker& worker, std::uint32_t call, const wire::Json& head) {
    worker.process->say_head(wire::FrameType::kError, call, head);
  }

  TemporaryDirectory directory;
  TargetPtr target = make_target(1, 1);
  TargetPtr larger = make_target(1, 1);  // the same service with more memory: `resized_to`
  std::uint64_t resized_to = 0;
  std::optional<RunStore> store;
  std::optional<RunJournal> journal;
  std::optional<RunLogs> logs;
  std::optional<Runs> runs;
};

}  // namespace leanto::node
