#include "node/runs.h"

#include <sys/random.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <utility>

#include "base/byte_size.h"
#include "base/digest.h"
#include "base/run_id.h"
#include "node/images.h"
#include "os/failpoint.h"
#include "os/process_stat.h"

namespace leanto::node {

using namespace std::chrono_literals;
using wire::FrameType;
using wire::Json;

namespace {

// What a worker here gets.
void use_head_of(const wire::Place& place, RunRecord& run) {
  Result<wire::Submission> there = wire::parse_submission(place.call);
  if (!there) return;
  there->head["run"] = true;
  run.head = wire::encode_head(there->head);
}

#ifdef LEANTO_FAILPOINTS
// What must never happen, for a test that it's noticed.
void call_again(const Runs::Parts& parts, const std::string& head, const std::string& arguments) {
  const Result<wire::CallHead> parsed = wire::parse_call_head(head);
  const Result<TargetPtr> target = parsed ? parts.find_target(*parsed) : Failure(parsed.error());
  if (!target) return;
  auto call = std::make_unique<Call>();
  call->head = head;
  call->body = wire::Body(std::string_view(arguments)).to_owned();
  call->on_answer = [](FrameType, std::string_view, wire::Body) {};
  (void)parts.calls.submit(*target, std::move(call), *parsed);
}
#endif

}  // namespace

std::int64_t Runs::now_ms() const {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             parts_.clock.wall().time_since_epoch())
      .count();
}

Runs::ActivePtr Runs::find_active(const std::string& id) const {
  const auto found = active_.find(id);
  return found == active_.end() ? nullptr : found->second;
}

// Submitting

std::string Runs::make_id() {
  std::uint64_t random = 0;
  if (::getrandom(&random, sizeof random, 0) != static_cast<ssize_t>(sizeof random)) return {};
  last_id_ms_ = std::max(last_id_ms_ + 1, now_ms());  // so that ids are in order
  return make_run_id(last_id_ms_, random);
}

// What the submission alone says.
RunRecord Runs::begin_record(const wire::Submission& asked, std::string caller) {
  RunRecord run;
  run.id = make_id();
  if (!asked.key.empty()) run.key = asked.key;
  run.member = asked.call.member;
  run.caller = std::move(caller);
  run.node = parts_.node;
  if (asked.call.timeout_seconds)
    run.timeout_ms = static_cast<std::int64_t>(*asked.call.timeout_seconds * 1000);
  run.grace_ms = static_cast<std::int64_t>(asked.grace_seconds * 1000);
  run.keep_arguments = asked.keep_arguments.value_or(false);
  run.replays = asked.replays;
  if (const Json policy = wire::to_json(asked.policy); !policy.empty())
    run.policy = policy.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (asked.memory) run.memory = static_cast<std::int64_t>(*asked.memory);
  run.created_at = now_ms();
  Json head = asked.head;
  head["run"] = true;
  run.head = wire::encode_head(head);
  return run;
}

// Of one whose first attempt is made here.
RunRecord Runs::make_record(const Target& target, const wire::Submission& asked,
                            std::string caller) {
  const ServiceSpec& service = *target.service;
  RunRecord run = begin_record(asked, std::move(caller));
  run.service = service.name;
  run.version = service.version;
  if (service.snapshot) run.snapshot = service.snapshot->hex();
  if (!service.image.is_null()) run.image = image_digest(service.image);
  run.object = target.object_id;
  run.keep_arguments = asked.keep_arguments.value_or(service.settings.keep_arguments);
  if (asked.head.contains("n")) {  // also after a restart it's this version
    Json head = asked.head;
    head.erase("n");
    head["v"] = run.version;
    head["run"] = true;
    run.head = wire::encode_head(head);
  }
  return run;
}

net::Task<Result<Runs::Submitted>> Runs::submit(wire::Submission asked, std::string caller,
                                                wire::Body arguments) {
  if (stopping_) co_return fail(ErrorKind::kCancelled, "the node is ending; submit it again");
  LEANTO_FAILPOINT("run.submit.received");
  if (arguments.size() > parts_.limits.max_value_bytes) {
    co_return fail(ErrorKind::kCapacity,
                   "the arguments of {} are over the limit of {} for a run; keep them in a file or "
                   "an object (lt.here.put), or raise max_value_size under [runs] in node.toml",
                   format_byte_size(arguments.size()),
                   format_byte_size(parts_.limits.max_value_bytes));
  }
  std::optional<Announced> announced;  // a queue here
  RunRecord run;
  if (const wire::Place* far = far_place_of(asked.policy, 0)) {
    run = begin_record(asked, std::move(caller));
    run.service = far->service;
    run.version = far->version;
  } else {
    const Result<TargetPtr> target = parts_.find_target(asked.call);
    if (!target) co_return Failure(target.error());
    if (const std::optional<Error> refused = refuse(**target, asked, caller)) {
      const bool known = co_await is_known(asked.key);
      if (!known) co_return Failure(*refused);
    }
    announced.emplace(*target);
    run = make_record(**target, asked, std::move(caller));
  }
  if (run.id.empty()) co_return fail(ErrorKind::kInternal, "the system gives no random numbers");
  std::string replaces;
  while (true) {
    Result<RunStore::Submitted> recorded = co_await record(run, arguments, replaces);
    if (!recorded) co_return Failure(recorded.error());
    LEANTO_FAILPOINT("run.submit.synced");
    if (recorded->decision == KeyDecision::kNew) {
      take_up(recorded->run);
      LEANTO_FAILPOINT("run.submit.queued");
      co_return Submitted{std::move(recorded->run), true};
    }
    if (recorded->decision == KeyDecision::kSame)
      co_return Submitted{std::move(recorded->run), false};
    if (asked.on_conflict == wire::OnConflict::kError)
      co_return Failure(key_conflict(recorded->run, run));
    replaces = recorded->run.id;
    const std::string reason = "it was replaced by another run with its key";
    const Result<bool> cancelled = co_await cancel(replaces, reason);
    if (!cancelled) co_return Failure(cancelled.error());
    co_await wait_until_gone(replaces);
    if (stopping_) co_return fail(ErrorKind::kCancelled, "the node is ending; submit it again");
  }
}

// The digest is made in the background: arguments may be large. Only keys need it.
net::Task<Result<RunStore::Submitted>> Runs::record(RunRecord& run, const wire::Body& arguments,
                                                    const std::string& replaces) {
  RunStore::Submitted submitted;
  auto write = [&](RunStore& store) -> Status {
    if (run.key && run.digest.empty()) run.digest = Digest::of(arguments.view()).hex();
    auto done = store.submit(run, arguments.view(), replaces);
    if (!done) return Failure(done.error());
    submitted = *std::move(done);
    LEANTO_FAILPOINT("run.submit.recorded");
    return {};
  };
  std::function<Status(RunStore&)> work = write;
  const Status done = co_await parts_.journal.commit(std::move(work));
  if (!done) co_return Failure(done.error());
  co_return submitted;
}

net::Task<> Runs::wait_until_gone(std::string id) {
  while (!stopping_ && find_active(id)) {
    std::vector<std::string> ids{id};
    (void)co_await wait(std::move(ids), 30s);
  }
}

// Running

void Runs::take_up(const RunRecord& record) { begin_attempt(activate(record)); }

Runs::ActivePtr Runs::activate(const RunRecord& record) {
  const auto run = std::make_shared<Active>();
  run->run = record;
  run->policy = policy_of(record);
  active_[record.id] = run;
  parts_.logs.open(record.id);
  if (record.timeout_ms) {
    // A clock that was set, back or forth, makes it neither shorter nor longer while the node runs.
    const std::int64_t spent =
        std::clamp<std::int64_t>(now_ms() - record.created_at, 0, *record.timeout_ms);
    const auto left = std::chrono::milliseconds(*record.timeout_ms - spent);
    parts_.loop.spawn("a run's timeout", expire(run, parts_.clock.monotonic() + left));
  }
  return run;
}

void Runs::begin_attempt(const ActivePtr& run) {
  const std::int64_t delay = delay_of(run->run, now_ms());
  if (delay > 0) {
    run->phase = Phase::kWaiting;
    const MonotonicTime due = parts_.clock.monotonic() + std::chrono::milliseconds(delay);
    return parts_.loop.spawn("wait for a run's next attempt", wait_for_attempt(run, due));
  }
  run->phase = Phase::kQueued;
  run->never_began = false;
  const wire::Place* place = place_of(*run);
  if (place != nullptr && !place->node.empty()) {
    run->phase = Phase::kStarting;
    return parts_.loop.spawn("start a run elsewhere", start_elsewhere(run));
  }
  if (place != nullptr) use_head_of(*place, run->run);
  const Result<wire::CallHead> head = wire::parse_call_head(run->run.head);
  const Result<TargetPtr> target = head ? parts_.find_target(*head) : Failure(head.error());
  if (!target) return end(run, failed_ending(target.error()));
  run->ask = (*target)->service->settings.ask;
  run->own_memory = run->ask.memory;
  if (!run->run.memory || (*target)->kind != TargetKind::kFunction) return enqueue(run, *target);
  run->ask.memory = static_cast<std::uint64_t>(*run->run.memory);
  enqueue(run, parts_.resize(*target, run->ask.memory));
}

net::Task<> Runs::wait_for_attempt(ActivePtr run, MonotonicTime due) {
  while (run->phase == Phase::kWaiting && !stopping_) {
    const Duration left = due - parts_.clock.monotonic();
    if (left <= Duration::zero()) {
      run->run.not_before.reset();  // whatever the wall clock says by now
      co_return begin_attempt(run);
    }
    const auto event = std::make_shared<net::Event>(parts_.loop);
    run->waiters.push_back(event);
    co_await event->wait(left);
    std::erase(run->waiters, event);
  }
}

void Runs::enqueue(const ActivePtr& run, const TargetPtr& target) {
  run->target_kind = target->kind;
  std::unique_ptr<Call> call = make_call(run);
  call->head = run->run.head;
  call->party = party_of(run->run.caller);
  call->on_room = [this, run](const Call& held) { on_room(run, held); };
  wire::CallHead head;
  head.stream_logs = false;
  const std::uint32_t number = parts_.calls.submit(target, std::move(call), head);
  if (run->phase == Phase::kEnding) return;  // it was refused
  run->call = number;
  by_call_[number] = run;
}

std::unique_ptr<Call> Runs::make_call(const ActivePtr& run) {
  auto call = std::make_unique<Call>();
  call->stream_logs = false;
  call->on_answer = [this, run](FrameType type, std::string_view head, wire::Body body) {
    on_answer(run, type, head, std::move(body));
  };
  return call;
}

void Runs::on_room(const ActivePtr& run, const Call& call) {
  run->call = call.number;
  run->worker = call.worker;
  run->phase = Phase::kStarting;
  LEANTO_FAILPOINT("run.start.room");
  parts_.loop.spawn("start a run", start(run));
}

net::Task<> Runs::start(ActivePtr run) {
  if (run->phase != Phase::kStarting) co_return;
  if (stopping_) {
    run->phase = Phase::kQueued;  // the next node starts it
    co_return;
  }
  const std::int64_t at = now_ms();
  RunStore::Begin begin{at, run->run.log_size, run->run.memory};
  begin.share = parts_.share_of(run->ask);
  if (!begin.memory_limit && run->own_memory > 0)
    begin.memory_limit = static_cast<std::int64_t>(run->own_memory);
  if (const auto worker = run->worker.lock())
    begin.worker_call = worker_call_name(worker->nonce(), run->call);
  const Result<RunStore::Started> started = co_await record_start(run, std::move(begin));
  if (run->phase != Phase::kStarting) co_return;
  if (!started && stopping_) {
    run->phase = Phase::kQueued;
    co_return;
  }
  if (!started) {
    parts_.calls.drop(run->call, started.error());
    co_return;
  }
  run->phase = Phase::kRunning;
  if (const auto worker = run->worker.lock()) {
    const Result<double> used = cpu_seconds(SystemKernelFiles(), worker->pid());
    run->cpu_before = used ? std::optional(*used) : std::nullopt;
  }
  parts_.calls.begin(run->call, wire::Body(std::string_view(started->arguments)));
  LEANTO_FAILPOINT("run.start.sent");
#ifdef LEANTO_FAILPOINTS
  if (LEANTO_FAILPOINT_SWITCH("run.start", "twice"))
    call_again(parts_, run->run.head, started->arguments);
#endif
}

// Resumes when it's on disk, or can't be.
net::Task<Result<RunStore::Started>> Runs::record_start(ActivePtr run, RunStore::Begin begin) {
  while (true) {
    RunStore::Started started;
    auto write = [&](RunStore& store) -> Status {
      auto done = store.start(run->run.id, begin);
      if (!done) return Failure(done.error());
      started = *std::move(done);
      LEANTO_FAILPOINT("run.start.recorded");
      return {};
    };
    std::function<Status(RunStore&)> work = write;
    const Status done = co_await parts_.journal.commit(std::move(work));
    LEANTO_FAILPOINT("run.start.synced");
    if (done) {
      run->run.status = RunStatus::kRunning;
      run->run.reason.clear();
      run->run.attempt = started.attempt;
      if (!run->run.started_at) run->run.started_at = begin.at;
      co_return started;
    }
    const bool waits = done.error().kind == ErrorKind::kCapacity;
    if (!waits || run->phase != Phase::kStarting) co_return Failure(done.error());
    run->run.reason =
        "it waits for room on the disk, which is looked for each second: " + done.error().message;
    co_await parts_.loop.sleep(kTryAgain);
    if (run->phase != Phase::kStarting || stopping_) co_return Failure(done.error());
  }
}

void Runs::on_output(std::uint32_t call, OutputStream stream, std::string_view text) {
  if (const auto run = by_call_.find(call); run != by_call_.end())
    parts_.logs.append(run->second->run.id, stream, text);
}

}  // namespace leanto::node
