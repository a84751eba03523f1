// For tests of Calls: a service's target, workers that the test plays, and a caller.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "node/calls.h"
#include "node/fake_worker.h"

namespace leanto::node {

struct CallsTest : testing::Test, WorkerStarter, CallObserver {
  CallsTest() { calls.set_starter(*this); }

  static ServicePtr make_service(int workers, int concurrency) {
    auto service = std::make_shared<ServiceSpec>();
    service->name = "train";
    service->settings.workers = workers;
    service->settings.concurrency = concurrency;
    return service;
  }
  static TargetPtr make_target(int workers, int concurrency) {
    auto target = std::make_shared<Target>();
    target->service = make_service(workers, concurrency);
    return target;
  }
  static TargetPtr make_object() {
    const TargetPtr target = make_target(1, 256);
    target->kind = TargetKind::kObject;
    target->object_id = "8bad";
    target->label = "'trainer'";
    return target;
  }

  std::unique_ptr<FakeWorker> make_worker(const TargetPtr& target) {
    auto worker = std::make_unique<FakeWorker>(test, outgoing, calls, clock, target->service);
    EXPECT_TRUE(worker->load().has_value());
    worker->process->hear();
    return worker;
  }
  // A worker that was asked for, or that the test gives of its own accord.
  std::unique_ptr<FakeWorker> start(const TargetPtr& target) {
    if (target->starting == 0) ++target->starting;
    auto worker = make_worker(target);
    calls.worker_started(target, worker->worker);
    test.settle();
    return worker;
  }

  struct Asked {
    std::uint32_t number = 0;
    std::uint32_t stream = 0;
  };
  Asked submit(const TargetPtr& target, const wire::CallHead& head = {},
               std::string_view body = "arguments") {
    auto call = std::make_unique<Call>();
    call->caller = port;
    call->stream = ++last_stream;
    call->head = "head" + std::to_string(last_stream);
    call->body = wire::Body(body);
    const std::uint32_t number = calls.submit(target, std::move(call), head);
    test.settle();
    return {number, last_stream};
  }
  static wire::CallHead child_of(const Asked& parent) {
    wire::CallHead head;
    head.parent = parent.number;
    return head;
  }
  static wire::CallHead with_max_queue(std::uint32_t max_queue) {
    wire::CallHead head;
    head.max_queue = max_queue;
    return head;
  }
  static wire::CallHead with_timeout(double seconds) {
    wire::CallHead head;
    head.timeout_seconds = seconds;
    return head;
  }

  void answer(FakeWorker& worker, const Asked& call, std::string_view value = "value") {
    const std::size_t before = port->ended_streams.size();
    worker.process->say(wire::FrameType::kResult, call.number, {}, value);
    EXPECT_TRUE(test.run_until([&] { return port->ended_streams.size() > before; }));
    test.settle();
  }
  // The numbers of the calls that the worker has been sent since the last time.
  static std::vector<std::uint32_t> sent_to(FakeWorker& worker) {
    std::vector<std::uint32_t> numbers;
    for (const Heard& heard : worker.process->hear()) {
      if (heard.type == wire::FrameType::kCall) numbers.push_back(heard.stream);
    }
    return numbers;
  }
  // The one answer that a call has got.
  wire::Json error_of(const Asked& call) {
    for (const Heard& heard : port->heard) {
      if (heard.stream == call.stream && heard.type == wire::FrameType::kError) return heard.json();
    }
    return nullptr;
  }
  std::size_t answers_of(const Asked& call) const {
    std::size_t count = 0;
    for (const Heard& heard : port->heard) {
      if (heard.stream != call.stream) continue;
      if (heard.type == wire::FrameType::kError || heard.type == wire::FrameType::kResult) ++count;
    }
    return count;
  }

  void start_worker(const TargetPtr& target) override { wanted.push_back(target); }
  void make_room() override { ++room_made; }
  bool can_start_soon(const Target&) const override { return slots_are_free; }
  void keep_minimum(const TargetPtr& target) override { kept.push_back(target); }
  void on_output(const ServiceSpec&, std::uint32_t call, OutputStream,
                 std::string_view text) override {
    output[call] += text;
  }
  void on_imports(const ServiceSpec&, const wire::Json& modules) override {
    imports.push_back(modules);
  }
  void on_object_ended(const std::string& object_id, const Error& reason) override {
    ended_objects.emplace_back(object_id, reason);
  }

  net::TestLoop test;
  net::Outgoing outgoing{test.loop};
  ManualClock clock;
  Calls calls{test.loop, *this};
  std::shared_ptr<FakePort> port = std::make_shared<FakePort>();
  std::uint32_t last_stream = 100;

  std::vector<TargetPtr> wanted;
  std::vector<TargetPtr> kept;
  int room_made = 0;
  bool slots_are_free = true;
  std::map<std::uint32_t, std::string> output;
  std::vector<wire::Json> imports;
  std::vector<std::pair<std::string, Error>> ended_objects;
};

}  // namespace leanto::node
