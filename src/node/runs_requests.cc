// What is asked about runs: waiting, reading, cancelling.
#include <algorithm>
#include <chrono>
#include <utility>

#include "base/run_id.h"
#include "node/runs.h"
#include "os/failpoint.h"

namespace leanto::node {

using namespace std::chrono_literals;

namespace {

constexpr Duration kLookAgainAfter = 20ms;

Error not_found(const std::string& id) {
  return {ErrorKind::kNotFound,
          fmt::format("there is no run with the id or key '{}'; ended ones are kept for the time "
                      "that node.toml says under [runs], and `leanto runs` lists them",
                      id)};
}

}  // namespace

net::Task<Result<RunRecord>> Runs::get(std::string id) {
  if (const ActivePtr active = find_active(id)) co_return active->run;
  auto find = [id](RunStore& store) -> Result<std::optional<RunRecord>> {
    if (is_run_id(id)) {
      auto found = store.find(id);
      if (!found || *found) return found;
    }
    return store.find_by_key(id);
  };
  const auto found = co_await parts_.journal.read(std::move(find));
  if (!found) co_return Failure(found.error());
  if (!*found) co_return Failure(not_found(id));
  if (const ActivePtr active = find_active((*found)->id)) co_return active->run;
  co_return **found;
}

net::Task<Result<std::vector<RunRecord>>> Runs::list(RunFilter filter) {
  auto find = [filter = std::move(filter)](RunStore& store) { return store.list(filter); };
  auto found = co_await parts_.journal.read(std::move(find));
  if (!found) co_return found;
  for (RunRecord& run : *found) {
    if (const ActivePtr active = find_active(run.id))
      run = active->run;  // the newest that is known
  }
  co_return found;
}

net::Task<Result<RunAnswer>> Runs::answer(std::string id) {
  auto find = [id](RunStore& store) -> Result<RunAnswer> {
    const auto run = store.find(id);
    if (!run) return Failure(run.error());
    if (!*run) return Failure(not_found(id));
    if (!has_ended((*run)->status))
      return fail(ErrorKind::kNotFound, "the run {} has not ended yet", id);
    if ((*run)->status != RunStatus::kLost) return store.answer(id);
    const RunError lost = (*run)->error.value_or(RunError{});
    return RunAnswer{
        AnswerKind::kError, wire::encode_error({ErrorKind::kWorkerDied, lost.message}), {}};
  };
  auto found = co_await parts_.journal.read(std::move(find));
  co_return found;
}

net::Task<Result<std::vector<RunStore::Attempt>>> Runs::attempts(std::string id) {
  auto find = [id = std::move(id)](RunStore& store) { return store.attempts(id); };
  co_return co_await parts_.journal.read(std::move(find));
}

net::Task<Result<Runs::Ended>> Runs::wait(std::vector<std::string> ids, Duration limit) {
  const MonotonicTime until = parts_.clock.monotonic() + limit;
  while (true) {
    std::vector<std::string> elsewhere;  // on disk only
    std::vector<ActivePtr> running;
    for (const std::string& id : ids) {
      if (const ActivePtr active = find_active(id)) {
        running.push_back(active);
      } else {
        elsewhere.push_back(id);
      }
    }
    bool unsettled = false;
    if (!elsewhere.empty()) {
      auto find = [elsewhere](RunStore& store) -> Result<Ended> {
        Ended ended;
        for (const std::string& id : elsewhere) {
          auto run = store.find(id);
          if (!run) return Failure(run.error());
          if (!*run) {
            ended.unknown.push_back(id);
          } else if (has_ended((*run)->status)) {
            ended.runs.push_back(**std::move(run));
          }
        }
        return ended;
      };
      Result<Ended> ended = co_await parts_.journal.read(std::move(find));
      if (!ended || !ended->runs.empty() || !ended->unknown.empty()) co_return ended;
      unsettled = true;  // just recorded, or being ended by `stop`
    }
    const Duration left = until - parts_.clock.monotonic();
    if (left <= Duration::zero()) co_return Ended{};
    const auto event = std::make_shared<net::Event>(parts_.loop);
    for (const ActivePtr& run : running) run->waiters.push_back(event);
    (void)co_await event->wait(unsettled ? std::min(left, kLookAgainAfter) : left);
    for (const ActivePtr& run : running) std::erase(run->waiters, event);
  }
}

net::Task<Result<Runs::LogAnswer>> Runs::logs(std::string id, std::uint64_t offset,
                                              Duration limit) {
  const MonotonicTime until = parts_.clock.monotonic() + limit;
  while (true) {
    const ActivePtr active = find_active(id);
    const std::uint64_t lines = parts_.logs.lines_of(id);
    Result<RunLogPiece> piece = co_await parts_.logs.read(id, offset);
    if (!piece) co_return Failure(piece.error());
    const bool any = !piece->records.empty() || piece->gap > 0;
    const Duration left = until - parts_.clock.monotonic();
    if (any || !active || left <= Duration::zero())
      co_return LogAnswer{*std::move(piece), !any && !active};
    if (find_active(id)) {
      co_await parts_.logs.wait(id, lines, left);
      // Its log is closed before its end is recorded: those moments are not to be spun through.
      if (active->phase == Phase::kEnding) co_await parts_.loop.sleep(1ms);
    }
  }
}

// Stopping

net::Task<Result<bool>> Runs::cancel(std::string id, std::string reason) {
  const Result<RunRecord> run = co_await get(std::move(id));
  if (!run) co_return Failure(run.error());
  const ActivePtr active = find_active(run->id);
  LEANTO_FAILPOINT("run.cancel.received");
  if (!active || active->phase == Phase::kEnding) co_return false;
  co_await stop_run(active, StopCause::kCancel, std::move(reason));
  co_return true;
}

// Why is on disk before anything happens: a node that is killed in between leaves what the next one
// has to know. Where the disk is full it's stopped all the same.
net::Task<> Runs::stop_run(ActivePtr run, StopCause cause, std::string reason) {
  if (run->stopping || run->phase == Phase::kEnding) co_return;
  run->stopping = Stopping{cause, std::move(reason), parts_.clock.monotonic(),
                           std::chrono::milliseconds(run->run.grace_ms)};
  const RunStop stop = record_of(*run->stopping);
  auto write = [&](RunStore& store) { return store.stop(run->run.id, stop); };
  std::function<Status(RunStore&)> work = write;
  const Status done = co_await parts_.journal.commit(std::move(work));
  if (done) run->run.stop = stop;
  LEANTO_FAILPOINT("run.cancel.synced");
  if (run->phase == Phase::kWaiting) co_return end(run, stopped_ending(*run->stopping));
  if (run->phase == Phase::kEnding || run->phase == Phase::kUnknown) co_return;
  if (!run->far) co_return interrupt(run);
  const bool is_heard = run->far->cancel(run->stopping->reason);
  if (!is_heard) end(run, stopped_ending(*run->stopping));
}

// Once for each that shall stop.
void Runs::interrupt(const ActivePtr& run) {
  if (std::exchange(run->stopping->interrupted, true)) return;
  parts_.calls.cancel(run->call);  // ends it at once unless a worker has it
  LEANTO_FAILPOINT("run.cancel.interrupted");
  if (run->phase == Phase::kRunning) parts_.loop.spawn("see a run stop", see_it_stop(run));
}

net::Task<> Runs::see_it_stop(ActivePtr run) {
  while (run->phase == Phase::kRunning) {
    const std::shared_ptr<Worker> worker = parts_.calls.find_worker(run->call);
    if (!worker) co_return;
    const int others = worker->running() - 1;
    const MonotonicTime now = parts_.clock.monotonic();
    const StopDecision decision = decide_stop(*run->stopping, others, now);
    switch (decision.step) {
      case StopStep::kWait:
        break;
      case StopStep::kLeaveAlone:
        run->run.reason = fmt::format(
            "it was interrupted and goes on; it can't be killed, because {} other calls run in its "
            "worker",
            others);
        // A function's worker gets no more calls, so that it's alone in it some day.
        if (run->target_kind == TargetKind::kFunction) worker->retire();
        break;
      case StopStep::kTerminate:
        run->stopping->terminated = now;
        worker->terminate();
        LEANTO_FAILPOINT("run.cancel.terminated");
        break;
      case StopStep::kKill:
        run->stopping->killed = true;
        worker->kill();
        LEANTO_FAILPOINT("run.cancel.killed");
        break;
    }
    co_await parts_.loop.sleep(decision.look_again);
  }
}

net::Task<> Runs::expire(ActivePtr run, MonotonicTime due) {
  while (run->phase != Phase::kEnding && parts_.clock.monotonic() < due) {
    const auto event = std::make_shared<net::Event>(parts_.loop);
    run->waiters.push_back(event);
    co_await event->wait(due - parts_.clock.monotonic());
    std::erase(run->waiters, event);
  }
  if (stopping_) co_return;
  std::string reason =
      fmt::format("the run of {} took longer than its timeout of {} s", run->run.service,
                  static_cast<double>(*run->run.timeout_ms) / 1000);
  co_await stop_run(run, StopCause::kTimeout, std::move(reason));
}

}  // namespace leanto::node
