// All calls of this node, and where they go: a service's workers, or one live object.
//
// A *target* has workers and a queue in front of them. A call is given to the worker that is least
// busy, if that has room; else it waits, and a function's target gets another worker if it may have
// one. What a worker must be started for is asked of `WorkerStarter`, so that this part can be
// tested without processes.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "net/loop.h"
#include "node/call_queue.h"
#include "node/service_spec.h"
#include "node/worker.h"
#include "node/worker_counts.h"

namespace leanto::node {

struct Target;
using TargetPtr = std::shared_ptr<Target>;

// What becomes of a target when its worker ends.
enum class TargetKind { kFunction, kObject };

struct Target {
  TargetKind kind = TargetKind::kFunction;
  ServicePtr service;
  std::string object_id;  // kObject
  std::string label;      // what messages call it

  std::vector<std::shared_ptr<Worker>> workers;
  int starting = 0;
  int waiting_for_slots = 0;  // of those that are starting
  int announced = 0;          // runs that are being recorded, and come then
  int failures = 0;           // workers in a row that died, or could not start
  bool kept = false;          // somebody sees to it that there are as many as must be
  bool retired = false;       // a newer version took its name: its workers leave when they are idle
  CallQueue queue;
  std::optional<Error> gone;  // kObject: why it is no more

  WorkerCounts counts() const;
  bool must_keep_more() const {
    return kind == TargetKind::kFunction && !retired &&
           is_below_minimum(counts(), service->settings);
  }
};

class WorkerStarter {
 public:
  virtual ~WorkerStarter() = default;
  // Starts a worker for the target and then calls `Calls::worker_started` or `Calls::start_failed`.
  virtual void start_worker(const TargetPtr& target) = 0;
  // There are fewer workers than the service's least.
  virtual void keep_minimum(const TargetPtr& target) = 0;
  // A worker is idle, and somebody waits for what it holds (see `Calls::want_room`).
  virtual void make_room() = 0;
  // Whether there is what a worker reserves, now or when idle workers have left for it.
  virtual bool can_start_soon(const Target& target) const = 0;
};

class CallObserver {
 public:
  virtual ~CallObserver() = default;
  virtual void on_output(const ServiceSpec& service, std::uint32_t call, OutputStream stream,
                         std::string_view text) = 0;
  virtual void on_imports(const ServiceSpec& service, const wire::Json& modules) = 0;
  virtual void on_object_ended(const std::string& object_id, const Error& reason) = 0;
};

class Calls final : public WorkerEvents {
 public:
  Calls(net::Loop& loop, CallObserver& observer);
  void set_starter(WorkerStarter& starter) { starter_ = &starter; }

  // Takes the call; its answer goes to its caller, or to its `on_answer`. Returns its number.
  std::uint32_t submit(const TargetPtr& target, std::unique_ptr<Call> call,
                       const wire::CallHead& head);
  void cancel(std::uint32_t number);
  // Gives a call that is held (`Call::on_room`) to its worker. Nothing if it has ended meanwhile.
  void begin(std::uint32_t number, wire::Body body);
  // Ends a call that is held.
  void drop(std::uint32_t number, const Error& error);
  // kCapacity if a call of `party`, made now, would have to wait and `max_queue` or more would be
  // served before it.
  std::optional<Error> refuse_to_wait(const Target& target, const std::string& party,
                                      std::uint32_t max_queue) const;
  struct Waiting {
    std::size_t position = 0;  // how many are served before it
    TargetPtr target;
  };
  // None if it doesn't wait for a worker.
  std::optional<Waiting> find_waiting(std::uint32_t number);
  // Where it runs, or where it is held; none while it waits.
  std::shared_ptr<Worker> find_worker(std::uint32_t number);
  void credit(std::uint32_t number, std::string_view head);

  // A loaded worker without calls, taken from the target: it becomes somebody else's. May be none.
  std::shared_ptr<Worker> take_idle_worker(const TargetPtr& target);

  // A call of an earlier daemon's life, which the worker carries on under its number. False: that
  // is taken.
  bool adopt(const TargetPtr& target, const std::shared_ptr<Worker>& worker,
             std::unique_ptr<Call> call, std::uint32_t number);
  // Where numbers begin, so that those of two daemons' lives hardly ever meet.
  void begin_numbers_at(std::uint32_t number) { last_number_ = number; }

  void worker_started(const TargetPtr& target, std::shared_ptr<Worker> worker);
  void start_failed(const TargetPtr& target, const Error& error);

  // From now on, or no more: tells the starter when a worker becomes idle.
  void want_room(bool wanted) { room_is_wanted_ = wanted; }

  void retire(const TargetPtr& target);
  // Ends a live object's process and all calls to it.
  void end_object(const TargetPtr& target, const Error& reason);

  bool idle() const { return calls_.empty(); }
  std::size_t running() const { return calls_.size(); }

  void on_answer(Worker& worker, wire::FrameType type, std::uint32_t call, std::string_view head,
                 wire::Body body) override;
  void on_output(Worker& worker, std::uint32_t call, OutputStream stream,
                 std::string_view text) override;
  void on_imports(Worker& worker, const wire::Json& modules) override;
  void on_ended(Worker& worker) override;

 private:
  struct Running {
    std::unique_ptr<Call> call;
    TargetPtr target;
  };

  std::optional<Error> refuse(const Target& target, const Call& call) const;
  std::optional<Error> refuse_to_queue(const Target& target, Call& call,
                                       const wire::CallHead& head) const;
  void fail_all_waiting(const TargetPtr& target, const Error& error);
  // kCapacity, and it may be asked again later.
  void refuse_busy(std::unique_ptr<Call> call, const Error& error);
  Call* find(std::uint32_t number);
  void dispatch(const TargetPtr& target);
  void send(const TargetPtr& target, Worker& worker, std::unique_ptr<Call> call, wire::Body body);
  void want_worker(const TargetPtr& target);
  void keep_minimum(const TargetPtr& target);
  void finish(std::unique_ptr<Call> call, wire::FrameType type, std::string_view head,
              wire::Body body);
  void fail_call(std::unique_ptr<Call> call, const Error& error);
  void change_waiting(std::uint32_t parent, int change);
  std::unique_ptr<Call> take_held(std::uint32_t number);
  std::unique_ptr<Call> take_queued(std::uint32_t number);
  net::Task<> expire(std::uint32_t number, double seconds);

  net::Loop& loop_;
  CallObserver& observer_;
  WorkerStarter* starter_ = nullptr;
  bool room_is_wanted_ = false;
  std::uint32_t last_number_ = 0;
  std::unordered_map<std::uint32_t, Running>
      calls_;  // a queued one's Call is in its target's queue
  std::unordered_map<const Worker*, TargetPtr> targets_;
};

// Decides which worker gets the next call: the least busy that has room, or none.
std::shared_ptr<Worker> choose_worker(const std::vector<std::shared_ptr<Worker>>& workers,
                                      int concurrency);
// The head of the ERROR for a call whose worker ended.
wire::Json worker_died_head(const std::string& service, const WorkerEnd& end,
                            std::string_view tail);

}  // namespace leanto::node
