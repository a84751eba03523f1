// Calls that wait: whose turn it is, who may not wait, and what is said of those that do.
#include <gmock/gmock.h>

#include "node/calls_fixture.h"
#include "node/waiting_report.h"

namespace leanto::node {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using wire::Json;

struct WaitingCallsTest : CallsTest {
  Asked submit_of(const std::string& party, const TargetPtr& target,
                  const wire::CallHead& head = {}) {
    port->name = party;
    return submit(target, head);
  }
  bool is_refused(const Asked& call) {
    const Json error = error_of(call);
    return error.is_object() && error["kind"] == "capacity";
  }
};

struct MaxQueueTest : WaitingCallsTest {};

TEST_F(WaitingCallsTest, OfOneProgramLeaveTheirTurnToAnother) {
  const TargetPtr target = make_target(1, 1);
  const auto worker = start(target);
  const Asked running = submit_of("greedy", target);
  std::vector<Asked> greedy;
  for (int i = 0; i < 10; ++i) greedy.push_back(submit_of("greedy", target));
  const Asked other = submit_of("modest", target);
  answer(*worker, running);
  answer(*worker, greedy[0]);
  EXPECT_THAT(sent_to(*worker), ElementsAre(running.number, greedy[0].number, other.number));
}

TEST_F(WaitingCallsTest, OfTheNodesOwnMakingSayWhoAsks) {
  const TargetPtr target = make_target(1, 1);
  const auto of = [&](const char* party) {
    auto call = std::make_unique<Call>();
    call->party = party;
    return calls.submit(target, std::move(call), {});
  };
  of("a");
  const std::uint32_t second = of("a");
  const std::uint32_t other = of("b");
  EXPECT_EQ(calls.find_waiting(other)->position, 1u);
  EXPECT_EQ(calls.find_waiting(second)->position, 2u);
  calls.cancel(other);
  EXPECT_EQ(calls.find_waiting(second)->position, 1u);
  EXPECT_FALSE(calls.find_waiting(other));
}

TEST_F(WaitingCallsTest, AreRefusedWhenTooManyOfTheirCallerWaitAndOthersAreNot) {
  const TargetPtr target = make_target(1, 1);
  for (int i = 0; i < 100'000; ++i) {
    calls.submit(target, std::make_unique<Call>(), {});
  }
  const Asked call = submit_of("", target);
  EXPECT_EQ(error_of(call)["busy"], true);
  EXPECT_THAT(error_of(call)["message"].get<std::string>(),
              HasSubstr("train is busy: 100000 calls of this caller wait for it already"));
  EXPECT_THAT(port->ended_streams, ElementsAre(call.stream));
  const Asked other = submit_of("another", target);
  EXPECT_EQ(calls.find_waiting(other.number)->position, 1u);
}

TEST_F(MaxQueueTest, OfNoneIsNoHindranceWhereAWorkerHasRoom) {
  const TargetPtr target = make_target(1, 2);
  const auto worker = start(target);
  const Asked first = submit(target, with_max_queue(0));
  const Asked second = submit(target, with_max_queue(0));
  EXPECT_THAT(sent_to(*worker), ElementsAre(first.number, second.number));
  const Asked third = submit(target, with_max_queue(0));
  EXPECT_EQ(
      error_of(third),
      (Json{{"kind", "capacity"},
            {"busy", true},
            {"message",
             "train is busy: no worker has room now, 0 of the calls that wait would be served "
             "before this one, and max_queue=0 allows no waiting; try again later, or allow "
             "more"}}));
  EXPECT_EQ(answers_of(third), 1u);
}

TEST_F(MaxQueueTest, AllowsSoManyPlacesInTheQueue) {
  const TargetPtr target = make_target(1, 1);
  const auto worker = start(target);
  submit(target);
  EXPECT_FALSE(is_refused(submit(target, with_max_queue(2))));
  EXPECT_TRUE(is_refused(submit(target, with_max_queue(1))));
  EXPECT_FALSE(is_refused(submit(target, with_max_queue(2))));
  EXPECT_TRUE(is_refused(submit(target, with_max_queue(2))));
  EXPECT_FALSE(is_refused(submit_of("another", target, with_max_queue(2))))
      << "its turn comes before the second of the first one";
  EXPECT_THAT(target->queue, SizeIs(3));
}

TEST_F(MaxQueueTest, TakesAColdStartForNow) {
  const TargetPtr target = make_target(1, 2);
  EXPECT_FALSE(is_refused(submit(target, with_max_queue(0))));
  EXPECT_FALSE(is_refused(submit(target, with_max_queue(0))));
  EXPECT_THAT(wanted, SizeIs(1));
  EXPECT_TRUE(is_refused(submit(target, with_max_queue(0))))
      << "the worker that starts has no room for a third";
}

TEST_F(MaxQueueTest, TakesFurtherWorkersForNowAsFarAsTheyMayBeStarted) {
  const TargetPtr target = make_target(2, 1);
  const auto worker = start(target);
  submit(target);
  EXPECT_FALSE(is_refused(submit(target, with_max_queue(0))));
  EXPECT_TRUE(is_refused(submit(target, with_max_queue(0))));
}

TEST_F(MaxQueueTest, DoesNotWaitForSlots) {
  const TargetPtr target = make_target(1, 1);
  slots_are_free = false;
  EXPECT_TRUE(is_refused(submit(target, with_max_queue(0))));
  EXPECT_FALSE(is_refused(submit(target, with_max_queue(1))));
  target->waiting_for_slots = target->starting;
  slots_are_free = true;
  EXPECT_TRUE(is_refused(submit(target, with_max_queue(0)))) << "the only worker waits for slots";
}

TEST_F(MaxQueueTest, OfAFreshServiceCountsOneCallForEachWorker) {
  const TargetPtr target = std::make_shared<Target>();
  auto service = std::make_shared<ServiceSpec>();
  service->settings.workers = 1;
  service->settings.concurrency = 8;
  service->settings.fresh = true;
  target->service = service;
  EXPECT_FALSE(is_refused(submit(target, with_max_queue(0))));
  EXPECT_TRUE(is_refused(submit(target, with_max_queue(0))));
}

TEST_F(WaitingCallsTest, AreToldWhatTheyWaitFor) {
  const Slots slots({4, 0, {}});
  SlotAsk ask;
  ask.cpus = 8;
  const TargetPtr target = make_target(2, 1);
  auto service = std::make_shared<ServiceSpec>(*target->service);
  service->settings.ask = ask;
  target->service = service;
  target->starting = 1;
  EXPECT_EQ(waits_for(*target, slots)["what"], "start");
  target->waiting_for_slots = 1;
  EXPECT_EQ(waits_for(*target, slots),
            (Json{{"what", "slots"}, {"text", "slots: 8 CPUs in use by others"}}));
  target->starting = target->waiting_for_slots = 0;
  const auto worker = start(target);
  EXPECT_EQ(waits_for(*target, slots),
            (Json{{"what", "worker"}, {"text", "the worker: it is busy"}}));
  target->starting = target->waiting_for_slots = 1;
  EXPECT_EQ(waits_for(*target, slots)["text"],
            "slots: 8 CPUs in use by others; or the worker: it is busy");
  target->starting = target->waiting_for_slots = 0;
}

}  // namespace
}  // namespace leanto::node
