// Runs: how attempts end, whether another one follows, and what is left when the node stops.
#include <sys/random.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <utility>

#include "node/runs.h"
#include "os/failpoint.h"
#include "os/process_stat.h"

namespace leanto::node {

using namespace std::chrono_literals;
using wire::FrameType;

namespace {

constexpr Duration kStopLimit = 2s;
constexpr std::uint64_t kMaxUnwritten = 256 << 20;  // of results that wait for room on the disk

constexpr const char* kStopped =
    "the node on this machine was stopped while it ran; whether the code has done its work is not "
    "known";

}  // namespace

void Runs::on_answer(const ActivePtr& run, FrameType type, std::string_view head, wire::Body body) {
  LEANTO_FAILPOINT("run.answer.received");
  const AnswerKind kind = type == FrameType::kError ? AnswerKind::kError : AnswerKind::kResult;
  RunAnswer answer{kind, std::string(head), std::string(body.view())};
  Ending ending = decide_ending(std::move(answer), run->stopping, parts_.limits.max_value_bytes);
  measure(*run, ending.outcome);
  if (const auto worker = run->worker.lock()) worker->keep_until_recorded(run->call);
  end(run, std::move(ending));
}

// What the worker answered is on disk, or isn't wanted any more.
void Runs::tell_recorded(const Active& run) {
  if (const auto worker = run.worker.lock()) worker->recorded(run.call);
}

// What the attempt has used is what its worker has, so calls beside it count too.
void Runs::measure(const Active& run, RunOutcome& outcome) const {
  const std::shared_ptr<Worker> worker = run.worker.lock();
  if (!worker || run.phase != Phase::kRunning) return;
  const SystemKernelFiles files;
  std::optional<std::uint64_t> peak;
  if (const WorkerMemoryPtr& limited = worker->resources().memory) peak = limited->use().peak;
  if (!peak) peak = memory_peak(files, worker->pid());
  if (peak) outcome.memory_peak = static_cast<std::int64_t>(*peak);
  const Result<double> used = cpu_seconds(files, worker->pid());
  if (used && run.cpu_before)
    outcome.cpu_ms = static_cast<std::int64_t>((*used - *run.cpu_before) * 1000);
}

void Runs::end(const ActivePtr& run, Ending ending) {
  if (run->phase == Phase::kEnding || run->phase == Phase::kRetrying) return;
  const bool ran = run->phase == Phase::kRunning || run->phase == Phase::kUnknown;
  by_call_.erase(run->call);
  if (ran && !run->stopping) {
    run->phase = Phase::kRetrying;
    parts_.loop.spawn("end a run's attempt", end_attempt(run, std::move(ending)));
  } else {
    run->phase = Phase::kEnding;
    parts_.loop.spawn("record a run's end", record_end(run, std::move(ending)));
  }
}

// The last attempt, or another one follows.
net::Task<> Runs::end_attempt(ActivePtr run, Ending ending) {
  ending.outcome.at = now_ms();
  const std::optional<NextAttempt> next = decide_next_attempt(
      run->policy,
      {run->run, ending, run->own_memory, ending.outcome.at, random_part(), run->never_began});
  if (next) {
    LEANTO_FAILPOINT("run.retry.decided");
    Status recorded = co_await record_retry(run, ending, *next);
    while (!recorded && recorded.error().kind == ErrorKind::kCapacity && !run->stopping) {
      run->run.reason = "its next attempt waits to be recorded, which is tried each second: " +
                        recorded.error().message;
      co_await parts_.loop.sleep(kTryAgain);
      recorded = co_await record_retry(run, ending, *next);
    }
    if (recorded) tell_recorded(*run);
    if (recorded && run->stopping) ending = stopped_ending(*run->stopping);
    LEANTO_FAILPOINT("run.retry.synced");
    if (recorded && !run->stopping) {
      run->phase = Phase::kQueued;
      if (!stopping_) begin_attempt(run);  // else the next node does
      co_return;
    }
  }
  run->phase = Phase::kEnding;
  co_await record_end(run, std::move(ending));
}

// Resumes when it's on disk that another attempt follows.
net::Task<Status> Runs::record_retry(ActivePtr run, Ending ending, NextAttempt next) {
  const Result<std::uint64_t> log_size = co_await parts_.logs.settle(run->run.id);
  if (!log_size) co_return Failure(log_size.error());
  ending.outcome.log_size = static_cast<std::int64_t>(*log_size);
  auto write = [&](RunStore& store) {
    Status done = store.retry(run->run.id, ending.outcome, next);
    LEANTO_FAILPOINT("run.retry.recorded");
    return done;
  };
  std::function<Status(RunStore&)> work = write;
  const Status done = co_await parts_.journal.commit(std::move(work));
  if (!done) co_return done;
  run->run.status = RunStatus::kQueued;
  run->run.reason = next.reason;
  run->run.not_before = next.not_before;
  run->run.log_size = ending.outcome.log_size;
  if (next.memory) run->run.memory = next.memory;
  if (next.place) run->run.place = *next.place;
  co_return done;
}

double Runs::random_part() {
  std::uint32_t random = 0;
  (void)::getrandom(&random, sizeof random, 0);
  return static_cast<double>(random) /
         static_cast<double>(std::numeric_limits<std::uint32_t>::max());
}

// Until it is on disk: nobody hears of an outcome that could still be another one after a crash. On
// a full disk a result waits for room, as far as such results fit into a bound.
net::Task<> Runs::record_end(ActivePtr run, Ending ending) {
  ending.outcome.at = now_ms();
  const std::uint64_t size = ending.answer.bytes.size();
  const bool may_wait =
      unwritten_bytes_ + size <= std::max(kMaxUnwritten, parts_.limits.max_value_bytes);
  unwritten_bytes_ += size;
  while (true) {
    const Status done = co_await write_end(run->run.id, ending);
    if (done || done.error().kind == ErrorKind::kAlreadyExists) break;
    const bool is_full = done.error().kind == ErrorKind::kCapacity;
    if (ending.outcome.status == RunStatus::kSucceeded && !(is_full && may_wait)) {
      const RunOutcome known = ending.outcome;
      ending =
          failed_ending({ErrorKind::kCapacity, "it succeeded, but its result could not be kept: " +
                                                   done.error().message});
      ending.outcome.at = known.at;
      ending.outcome.memory_peak = known.memory_peak;
      ending.outcome.cpu_ms = known.cpu_ms;
    } else {
      run->run.reason =
          "it has ended, and its outcome waits to be written, which is tried each second: " +
          done.error().message;
      co_await parts_.loop.sleep(kTryAgain);
    }
  }
  LEANTO_FAILPOINT("run.end.synced");
  unwritten_bytes_ -= size;
  tell_recorded(*run);
  forget(run);
  LEANTO_FAILPOINT("run.end.told");
}

net::Task<Status> Runs::write_end(const std::string& id, Ending& ending) {
  const Result<std::uint64_t> log_size = co_await parts_.logs.close(id);
  if (!log_size) co_return Failure(log_size.error());
  ending.outcome.log_size = static_cast<std::int64_t>(*log_size);
  LEANTO_FAILPOINT("run.end.logged");
  auto write = [&](RunStore& store) {
    Status done = store.finish(id, ending.outcome, ending.answer);
    LEANTO_FAILPOINT("run.end.recorded");
    return done;
  };
  std::function<Status(RunStore&)> work = write;
  co_return co_await parts_.journal.commit(std::move(work));
}

void Runs::forget(const ActivePtr& run) {
  active_.erase(run->run.id);
  for (const auto& waiter : std::exchange(run->waiters, {})) waiter->set();
}

// Whether a start or an outcome is on its way to the disk.
bool Runs::is_writing() const {
  return std::any_of(active_.begin(), active_.end(), [](const auto& entry) {
    const Phase phase = entry.second->phase;
    return phase == Phase::kStarting || phase == Phase::kRetrying || phase == Phase::kEnding;
  });
}

net::Task<> Runs::settle() {
  const MonotonicTime until = parts_.clock.monotonic() + kStopLimit;
  while (is_writing() && parts_.clock.monotonic() < until) co_await parts_.loop.sleep(1ms);
  std::vector<std::string> ids;
  for (const auto& [id, run] : active_) ids.push_back(id);
  for (const std::string& id : ids) (void)co_await parts_.logs.settle(id);
}

net::Task<> Runs::stop() {
  if (std::exchange(stopping_, true)) co_return;
  LEANTO_FAILPOINT("run.stop.begun");
  const MonotonicTime until = parts_.clock.monotonic() + kStopLimit;
  while (is_writing() && parts_.clock.monotonic() < until) co_await parts_.loop.sleep(1ms);
  std::vector<ActivePtr> running;
  for (const auto& [id, run] : active_) {
    if (run->phase != Phase::kRunning && run->phase != Phase::kUnknown) continue;
    if (run->far) continue;       // it goes on, and the next node hears of it
    run->phase = Phase::kEnding;  // what its worker says from now on comes too late
    if (run->stopping) continue;  // the next node finds it gone, and why
    running.push_back(run);
  }
  std::vector<std::int64_t> log_sizes;
  for (const ActivePtr& run : running) {
    const Result<std::uint64_t> size = co_await parts_.logs.close(run->run.id);
    log_sizes.push_back(static_cast<std::int64_t>(size.value_or(0)));
  }
  const std::int64_t at = now_ms();
  auto write = [&](RunStore& store) -> Status {
    for (std::size_t i = 0; i < running.size(); ++i) {
      RunOutcome lost = lost_outcome(kStopped, at);
      lost.log_size = log_sizes[i];
      const std::string& id = running[i]->run.id;
      const auto next = decide_after_loss(running[i]->run, kStopped);
      const Status done = next ? store.retry(id, lost, *next)
                               : store.finish(id, lost, lost_ending(kStopped, at).answer);
      if (!done) return done;
    }
    return {};
  };
  std::function<Status(RunStore&)> work = write;
  (void)co_await parts_.journal.commit(std::move(work));
  LEANTO_FAILPOINT("run.stop.synced");
  for (const ActivePtr& run : running) forget(run);
  if (!running.empty()) co_await parts_.loop.sleep(20ms);  // so that those who wait are told
}

}  // namespace leanto::node
