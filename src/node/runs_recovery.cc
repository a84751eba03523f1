// Runs: what the node before has left.
#include <utility>

#include "node/runs.h"
#include "os/failpoint.h"

namespace leanto::node {

namespace {

constexpr const char* kRestarted =
    "the node on this machine was restarted while it ran, and its worker ended with the node; "
    "whether the code has done its work is not known";
constexpr const char* kAwaited =
    "the node on this machine was restarted while it ran; it is waited for its worker, which may "
    "have outlived that";

}  // namespace

std::string worker_call_name(const wire::OutputNonce& nonce, std::uint32_t number) {
  std::string name;
  for (const char byte : nonce) name += fmt::format("{:02x}", static_cast<unsigned char>(byte));
  return fmt::format("{}/{}", name, number);
}

Status Runs::recover(RunStore& store, Workers workers) {
  LEANTO_FAILPOINT("run.recover.begun");
  std::vector<RunRecord> queued;
  std::vector<RunStore::Interrupted> interrupted;
  auto take_up_all = [&, at = now_ms()](RunStore& runs) -> Status {
    if (workers == Workers::kMayComeBack) {
      auto found = runs.interrupted();
      if (!found) return Failure(found.error());
      interrupted = *std::move(found);
      auto waiting = runs.queued();
      if (!waiting) return Failure(waiting.error());
      queued = *std::move(waiting);
      LEANTO_FAILPOINT("run.recover.recorded");
      return {};
    }
    if (Status ended = end_stopped(runs, at); !ended) return ended;
    auto found = runs.recover(at, kRestarted, [this](const RunRecord& run) {
      return decide_after_loss(run, kRestarted);
    });
    if (!found) return Failure(found.error());
    queued = *std::move(found);
    auto elsewhere = runs.interrupted();
    if (!elsewhere) return Failure(elsewhere.error());
    interrupted = *std::move(elsewhere);
    LEANTO_FAILPOINT("run.recover.recorded");
    return {};
  };
  std::vector<RunStore::Work> works{{take_up_all, {}}};
  store.commit(works);
  if (!works[0].status) return works[0].status;
  LEANTO_FAILPOINT("run.recover.synced");
  for (const RunStore::Interrupted& run : interrupted) await_worker(run);
  for (const RunRecord& run : queued) {
    const auto stopping = stopping_of(run, parts_.clock.monotonic());
    if (stopping) {
      end(activate(run), stopped_ending(*stopping));
    } else {
      take_up(run);
    }
  }
  LEANTO_FAILPOINT("run.recover.done");
  parts_.loop.spawn("tidy up runs", tidy());
  return {};
}

// What ran and was to end, of whose workers none is left.
Status Runs::end_stopped(RunStore& runs, std::int64_t at) const {
  const auto interrupted = runs.interrupted();
  if (!interrupted) return Failure(interrupted.error());
  for (const RunStore::Interrupted& each : *interrupted) {
    const RunRecord& run = each.run;
    const auto stopping = stopping_of(run, parts_.clock.monotonic());
    if (!stopping || !each.node.empty()) continue;
    Ending ending = stopped_ending(*stopping);
    ending.outcome.at = at;
    ending.outcome.log_size = runs.log_size(run.id);
    if (Status done = runs.finish(run.id, ending.outcome, ending.answer); !done) return done;
  }
  return {};
}

void Runs::await_worker(const RunStore::Interrupted& interrupted) {
  const ActivePtr run = activate(interrupted.run);
  run->stopping = stopping_of(run->run, parts_.clock.monotonic());
  if (!interrupted.node.empty()) {
    run->phase = Phase::kRunning;
    parts_.loop.spawn("go on with a run elsewhere", go_on_elsewhere(run));
    return;
  }
  run->phase = Phase::kUnknown;
  run->run.status = RunStatus::kUnknown;
  run->run.reason = kAwaited;
  // Without a name nobody comes back with it, and it's given up with the others.
  const std::string& name = interrupted.worker_call;
  unknown_[name.empty() ? interrupted.run.id : name] = run;
}

const RunRecord* Runs::find_unknown(const std::string& worker_call) const {
  const auto found = unknown_.find(worker_call);
  const bool waits = found != unknown_.end() && found->second->phase == Phase::kUnknown;
  return waits ? &found->second->run : nullptr;
}

bool Runs::resume(const std::string& worker_call, const TargetPtr& target,
                  const std::shared_ptr<Worker>& worker, std::uint32_t number) {
  if (stopping_ || find_unknown(worker_call) == nullptr) return false;
  const ActivePtr run = unknown_.at(worker_call);
  if (!parts_.calls.adopt(target, worker, make_call(run), number)) return false;
  unknown_.erase(worker_call);
  LEANTO_FAILPOINT("run.resume.adopted");
  run->phase = Phase::kRunning;
  run->call = number;
  by_call_[number] = run;
  run->target_kind = target->kind;
  run->own_memory = target->service->settings.ask.memory;
  run->worker = worker;
  run->run.status = RunStatus::kRunning;
  run->run.reason.clear();
  if (run->stopping) interrupt(run);
  return true;
}

void Runs::give_up_unknown() {
  LEANTO_FAILPOINT("run.resume.given_up");
  for (const auto& [name, run] : std::exchange(unknown_, {})) {
    if (run->phase != Phase::kUnknown) continue;
    // With the worker gone, what was to end has ended.
    end(run, run->stopping ? stopped_ending(*run->stopping) : lost_ending(kRestarted, now_ms()));
  }
}

// After a node that ended while it ran.
std::optional<NextAttempt> Runs::decide_after_loss(const RunRecord& run, const std::string& why) {
  const std::int64_t at = now_ms();
  const Ending lost{lost_outcome(why, at), {}};
  return decide_next_attempt(policy_of(run), {run, lost, 0, at, random_part()});
}

}  // namespace leanto::node
