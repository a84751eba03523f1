// Runs: calls with a durable record, which outlive whoever made them.
//
//   recording ──▶ queued ── room ──▶ starting ──▶ running ── answer ──▶ ending ──▶ (on disk only)
//   is synced      │        at a     is synced        │                 is synced
//                  │        worker       │            │                    ▲
//                  └──────── cancelled, timeout ──────┴────────────────────┘
//
// An attempt that isn't the last is `retrying` instead of ending, and `waiting` for the next when
// that is synced; then it's queued again.
//
// After a node that was killed, an attempt is `unknown` until the worker that has it is back or is
// known to be gone: then it's running, or lost.
//
// An attempt may be made on another node, if the run's policy names places: there's no queue here
// for it then, and what has it is a FarAttempt instead of a worker. It goes on when this node ends,
// and the next one takes it up again.
//
// Each arrow that a promise needs is synced before the next thing happens: a submission before it's
// answered, a start before the worker gets the call, an outcome before anybody hears of it.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "node/calls.h"
#include "node/far_attempt.h"
#include "node/run_decisions.h"
#include "node/run_journal.h"
#include "node/run_logs.h"
#include "node/run_retry.h"
#include "wire/submission.h"

namespace leanto::node {

struct RunLimits {
  RunRetention retention;
  std::uint64_t max_value_bytes = std::uint64_t{1} << 30;  // of arguments, of a result

  friend bool operator==(const RunLimits&, const RunLimits&) = default;
};

class Runs {
 public:
  using FindTarget = std::function<Result<TargetPtr>(const wire::CallHead&)>;
  // What a worker that asks for this holds of the node.
  using ShareOf = std::function<RunShare(const SlotAsk&)>;
  // The same service with this much memory for each worker.
  using Resize = std::function<TargetPtr(const TargetPtr&, std::uint64_t memory)>;

  struct Parts {
    net::Loop& loop;
    const Clock& clock;
    Calls& calls;
    RunJournal& journal;
    RunLogs& logs;
    FindTarget find_target;
    std::string node;  // its name, for records
    RunLimits limits;
    Resize resize;
    ShareOf share_of;
    FarAttempt::FindAsker find_asker;
  };
  explicit Runs(Parts parts) : parts_(std::move(parts)), trust_(parts_.clock) {}

  // Takes up what the node before left: what is queued is started; what ran is lost, or, if workers
  // may come back, not known for now. Once, before all others.
  enum class Workers { kAreGone, kMayComeBack };
  Status recover(RunStore& store, Workers workers = Workers::kAreGone);

  // The run that a worker has which came back; none if it isn't waited for.
  const RunRecord* find_unknown(const std::string& worker_call) const;
  // That worker carries it on. False: it can't.
  bool resume(const std::string& worker_call, const TargetPtr& target,
              const std::shared_ptr<Worker>& worker, std::uint32_t number);
  // Nobody comes back any more.
  void give_up_unknown();

  struct Submitted {
    RunRecord run;
    bool is_new = true;
  };
  // Resumes when the record is synced. kCapacity, and no record, if it may not wait; a key that
  // stands for a run already gives that run all the same.
  net::Task<Result<Submitted>> submit(wire::Submission asked, std::string caller,
                                      wire::Body arguments);

  // Submits the call of a run again, by id or key: the same version of the code, the same
  // arguments and the same policy, without its key. kNotFound if the run, its arguments, its
  // version or its object isn't here any more.
  net::Task<Result<Submitted>> replay(std::string id_or_key, std::string caller);

  // All that it takes to call it again; with the errors of `replay`.
  struct Recalled {
    RunRecord run;
    TargetPtr target;  // nullptr for a run that begins on another node: its code is there
    std::string arguments;
  };
  net::Task<Result<Recalled>> recall(std::string id_or_key);

  // None has begun that hasn't ended.
  bool idle() const { return active_.empty(); }

  // Those of `ids` that have ended, as soon as one has; none when `limit` is over. The second list
  // has those that are not known (any more).
  struct Ended {
    std::vector<RunRecord> runs;
    std::vector<std::string> unknown;
  };
  net::Task<Result<Ended>> wait(std::vector<std::string> ids, Duration limit);

  // By id, or else by key. kNotFound.
  net::Task<Result<RunRecord>> get(std::string id_or_key);
  // None if it doesn't wait for a worker.
  std::optional<Calls::Waiting> find_waiting(const std::string& id) const;
  net::Task<Result<std::vector<RunStore::Attempt>>> attempts(std::string id);
  net::Task<Result<std::vector<RunRecord>>> list(RunFilter filter);
  net::Task<Result<RunAnswer>> answer(std::string id);

  struct LogAnswer {
    RunLogPiece piece;
    bool ended = false;  // nothing will be appended any more
  };
  // What is there from `offset` on; if there is nothing, waits until there is or the run ends.
  net::Task<Result<LogAnswer>> logs(std::string id, std::uint64_t offset, Duration limit);

  // Forgets ended runs over the bounds, or only says which; returns them, the oldest first.
  enum class Forget { kNothing, kExpired };
  net::Task<Result<std::vector<ExpiredRun>>> forget_expired(RunRetention bounds, Forget forget);
  // The bounds that hold now.
  RunRetention retention();

  // Has it end. False: it has ended already.
  net::Task<Result<bool>> cancel(std::string id, std::string reason);

  void on_output(std::uint32_t call, OutputStream stream, std::string_view text);

  // The node ends, and another follows at once, to which the workers go over with what they run, as
  // if this one had been killed: what is on its way to the disk gets there.
  net::Task<> settle();
  // The node ends: what runs is lost, and who waits for it hears it. Nothing starts any more.
  net::Task<> stop();

 private:
  // A run that will wait at its target when it's recorded.
  class Announced {
   public:
    explicit Announced(TargetPtr target) : target_(std::move(target)) { ++target_->announced; }
    ~Announced() { --target_->announced; }
    Announced(const Announced&) = delete;
    Announced& operator=(const Announced&) = delete;

   private:
    TargetPtr target_;
  };

  static constexpr Duration kTryAgain = std::chrono::seconds(1);  // when the disk is full

  enum class Phase { kUnknown, kQueued, kStarting, kRunning, kRetrying, kWaiting, kEnding };

  struct Active {
    RunRecord run;
    Phase phase = Phase::kQueued;
    std::uint32_t call = 0;  // its number among Calls, once it's there
    TargetKind target_kind = TargetKind::kFunction;
    wire::RetryPolicy policy;
    SlotAsk ask;                         // of the worker that it gets
    std::uint64_t own_memory = 0;        // that its service asks for
    std::weak_ptr<Worker> worker;        // that has the attempt
    std::shared_ptr<FarAttempt> far;     // or what has it on another node
    bool never_began = false;            // the attempt that has just ended
    std::optional<double> cpu_before{};  // what that had used by then, in seconds
    std::optional<Stopping> stopping;
    std::vector<std::shared_ptr<net::Event>> waiters;
  };
  using ActivePtr = std::shared_ptr<Active>;

  RunRecord make_record(const Target& target, const wire::Submission& asked, std::string caller);
  std::string make_id();
  RunRecord begin_record(const wire::Submission& asked, std::string caller);
  static std::string party_of(const std::string& caller);
  std::optional<Error> refuse(const Target& target, const wire::Submission& asked,
                              const std::string& caller) const;
  net::Task<bool> is_known(std::string key);
  net::Task<Result<Recalled>> recall_call(std::string id_or_key);  // without its target
  net::Task<Result<RunStore::Submitted>> record(RunRecord& run, const wire::Body& arguments,
                                                const std::string& replaces);
  net::Task<> wait_until_gone(std::string id);

  void take_up(const RunRecord& run);
  ActivePtr activate(const RunRecord& run);
  void await_worker(const RunStore::Interrupted& interrupted);
  void tell_recorded(const Active& run);
  void measure(const Active& run, RunOutcome& outcome) const;
  void begin_attempt(const ActivePtr& run);
  net::Task<> wait_for_attempt(ActivePtr run, MonotonicTime due);
  void enqueue(const ActivePtr& run, const TargetPtr& target);
  std::unique_ptr<Call> make_call(const ActivePtr& run);
  void on_room(const ActivePtr& run, const Call& call);
  net::Task<> start(ActivePtr run);
  net::Task<Result<RunStore::Started>> record_start(ActivePtr run, RunStore::Begin begin);

  static const wire::Place* place_of(const Active& run);
  static const wire::Place* far_place_of(const wire::RetryPolicy& policy, std::int64_t place);
  net::Task<> start_elsewhere(ActivePtr run);
  net::Task<> go_on_elsewhere(ActivePtr run);
  void attend(const ActivePtr& run, std::string arguments, std::uint64_t lines, bool was_sent);
  net::Task<> await_far(ActivePtr run, std::shared_ptr<FarAttempt> far);
  net::Task<std::uint64_t> count_lines(std::string id, std::uint64_t offset);
  void on_answer(const ActivePtr& run, wire::FrameType type, std::string_view head,
                 wire::Body body);
  void end(const ActivePtr& run, Ending ending);
  net::Task<> end_attempt(ActivePtr run, Ending ending);
  net::Task<Status> record_retry(ActivePtr run, Ending ending, NextAttempt next);
  std::optional<NextAttempt> decide_after_loss(const RunRecord& run, const std::string& why);
  static double random_part();
  net::Task<> record_end(ActivePtr run, Ending ending);
  net::Task<Status> write_end(const std::string& id, Ending& ending);
  void forget(const ActivePtr& run);

  net::Task<> stop_run(ActivePtr run, StopCause cause, std::string reason);
  void interrupt(const ActivePtr& run);
  Status end_stopped(RunStore& runs, std::int64_t at) const;
  net::Task<> see_it_stop(ActivePtr run);
  net::Task<> expire(ActivePtr run, MonotonicTime due);
  net::Task<> tidy();
  bool is_writing() const;

  ActivePtr find_active(const std::string& id) const;
  std::int64_t now_ms() const;

  Parts parts_;
  std::unordered_map<std::string, ActivePtr> active_;     // by id
  std::unordered_map<std::uint32_t, ActivePtr> by_call_;  // those that a worker has
  std::unordered_map<std::string, ActivePtr> unknown_;    // by the call of the worker that has it
  std::uint64_t unwritten_bytes_ = 0;                     // of outcomes on their way to the disk
  std::int64_t last_id_ms_ = 0;
  AgeTrust trust_;
  bool stopping_ = false;
};

// What an attempt's record calls its call: by the worker's nonce and the call's number there.
std::string worker_call_name(const wire::OutputNonce& nonce, std::uint32_t number);

}  // namespace leanto::node
