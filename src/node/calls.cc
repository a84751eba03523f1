#include "node/calls.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace leanto::node {

using namespace std::chrono_literals;
using wire::FrameType;
using wire::Json;

std::shared_ptr<Worker> choose_worker(const std::vector<std::shared_ptr<Worker>>& workers,
                                      int concurrency) {
  std::shared_ptr<Worker> least;
  for (const auto& worker : workers) {
    if (worker->state() != WorkerState::kReady || worker->busy() >= concurrency) continue;
    if (!least || worker->busy() < least->busy()) least = worker;
  }
  return least;
}

WorkerCounts Target::counts() const {
  WorkerCounts counts{0, 0, starting};
  for (const auto& worker : workers)
    ++(worker->state() == WorkerState::kLeaving ? counts.leaving : counts.staying);
  return counts;
}

Calls::Calls(net::Loop& loop, CallObserver& observer) : loop_(loop), observer_(observer) {}

std::uint32_t Calls::submit(const TargetPtr& target, std::unique_ptr<Call> call,
                            const wire::CallHead& head) {
  do {
    ++last_number_;
  } while (last_number_ == 0 || calls_.contains(last_number_));
  const std::uint32_t number = call->number = last_number_;
  call->stream_logs = head.stream_logs;
  call->parent = head.parent;
  if (const Call* parent = find(head.parent)) call->depth = parent->depth + 1;
  change_waiting(call->parent, +1);
  if (const auto caller = call->caller.lock()) caller->started(call->stream, number);
  if (const std::optional<Error> refused = refuse(*target, *call)) {
    fail_call(std::move(call), *refused);
    return number;
  }
  const auto worker = target->queue.empty()
                          ? choose_worker(target->workers, target->service->settings.concurrency)
                          : nullptr;
  if (!worker) {
    if (const std::optional<Error> refused = refuse_to_queue(*target, *call, head)) {
      refuse_busy(std::move(call), *refused);
      return number;
    }
  }
  if (head.timeout_seconds) loop_.spawn("timeout", expire(number, *head.timeout_seconds));
  calls_[number].target = target;
  if (worker) {
    wire::Body body = std::move(call->body);
    send(target, *worker, std::move(call), std::move(body));
    loop_.expect_soon(calls_.size());
    if (worker->busy() > 1) want_worker(target);
  } else {
    call->body = std::move(call->body).to_owned();
    target->queue.push(std::move(call));
    want_worker(target);
  }
  return number;
}

void Calls::send(const TargetPtr& target, Worker& worker, std::unique_ptr<Call> call,
                 wire::Body body) {
  const std::uint32_t number = call->number;
  call->worker = worker.shared_from_this();
  if (call->on_room) {
    call->held = true;
    worker.hold(number);
    call->on_room(*call);
  } else {
    worker.send_call(number, call->head, std::move(body));
  }
  if (call->waits_for > 0) worker.add_waiting(1);
  Running& running = calls_[number];
  running.call = std::move(call);
  running.target = target;
  if (target->service->settings.fresh && target->kind == TargetKind::kFunction) {
    worker.retire();  // it takes no other call, and ends after this one
    keep_minimum(target);
  }
}

std::shared_ptr<Worker> Calls::take_idle_worker(const TargetPtr& target) {
  for (auto worker = target->workers.begin(); worker != target->workers.end(); ++worker) {
    if ((*worker)->state() != WorkerState::kReady || (*worker)->running() > 0) continue;
    std::shared_ptr<Worker> taken = std::move(*worker);
    target->workers.erase(worker);
    targets_.erase(taken.get());
    keep_minimum(target);
    return taken;
  }
  return nullptr;
}

void Calls::dispatch(const TargetPtr& target) {
  while (!target->queue.empty()) {
    const auto worker = choose_worker(target->workers, target->service->settings.concurrency);
    if (!worker) {
      want_worker(target);
      return;
    }
    std::unique_ptr<Call> call = target->queue.pop();
    wire::Body body = std::move(call->body);
    send(target, *worker, std::move(call), std::move(body));
  }
  if (target->retired) retire(target);
}

void Calls::want_worker(const TargetPtr& target) {
  if (target->kind == TargetKind::kObject) return;
  if (!may_start(target->counts(), target->service->settings)) return;
  ++target->starting;
  starter_->start_worker(target);
}

void Calls::keep_minimum(const TargetPtr& target) {
  if (target->must_keep_more()) starter_->keep_minimum(target);
}

bool Calls::adopt(const TargetPtr& target, const std::shared_ptr<Worker>& worker,
                  std::unique_ptr<Call> call, std::uint32_t number) {
  if (number == 0 || calls_.contains(number)) return false;
  call->number = number;
  call->worker = worker;
  worker->hold(number);
  calls_[number] = {std::move(call), target};
  return true;
}

void Calls::worker_started(const TargetPtr& target, std::shared_ptr<Worker> worker) {
  --target->starting;
  targets_[worker.get()] = target;
  target->workers.push_back(std::move(worker));
  dispatch(target);
  keep_minimum(target);
  if (room_is_wanted_) starter_->make_room();  // it may have come too late to be of use
}

void Calls::start_failed(const TargetPtr& target, const Error& error) {
  --target->starting;
  target->failures = count_failure(target->failures, Duration(0));
  if (!target->workers.empty() || target->starting > 0) return;  // the others will see to the queue
  fail_all_waiting(target, error);
}

void Calls::retire(const TargetPtr& target) {
  target->retired = true;
  if (!target->queue.empty()) return;
  for (const auto& worker : std::vector(target->workers)) worker->retire();
}

void Calls::end_object(const TargetPtr& target, const Error& reason) {
  if (target->gone) return;
  target->gone = reason;
  for (const auto& worker : std::vector(target->workers)) worker->retire();
}

void Calls::begin(std::uint32_t number, wire::Body body) {
  Call* call = find(number);
  if (call == nullptr || !call->held) return;
  call->held = false;
  call->worker->send_call(number, call->head, std::move(body));
}

void Calls::drop(std::uint32_t number, const Error& error) {
  if (std::unique_ptr<Call> held = take_held(number)) fail_call(std::move(held), error);
}

std::shared_ptr<Worker> Calls::find_worker(std::uint32_t number) {
  const Call* call = find(number);
  return call == nullptr ? nullptr : call->worker;
}

void Calls::cancel(std::uint32_t number) {
  std::unique_ptr<Call> waits = take_queued(number);
  if (!waits) waits = take_held(number);
  if (waits) {
    fail_call(std::move(waits),
              {ErrorKind::kCancelled, "the call was cancelled before it started"});
    return;
  }
  if (const Call* call = find(number); call != nullptr && call->worker)
    call->worker->send_cancel(number);
}

void Calls::credit(std::uint32_t number, std::string_view head) {
  if (const Call* call = find(number); call != nullptr && call->worker)
    call->worker->send_credit(number, head);
}

net::Task<> Calls::expire(std::uint32_t number, double seconds) {
  co_await loop_.sleep(
      std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds)));
  const auto running = calls_.find(number);
  if (running == calls_.end()) co_return;
  const Error error{ErrorKind::kTimeout,
                    fmt::format("the call of {} took longer than its timeout of {} s",
                                running->second.target->service->name, seconds)};
  if (std::unique_ptr<Call> queued = take_queued(number)) {
    fail_call(std::move(queued), error);
    co_return;
  }
  Call& call = *running->second.call;
  if (call.answered) co_return;
  call.answered = true;
  if (call.on_answer) {
    call.on_answer(FrameType::kError, wire::encode_error(error), {});
  } else if (const auto caller = call.caller.lock()) {
    caller->reply(FrameType::kError, call.stream, wire::encode_error(error), {});
    caller->ended(call.stream);
  }
  if (call.worker) call.worker->send_cancel(number);
}

void Calls::on_answer(Worker& worker, FrameType type, std::uint32_t number, std::string_view head,
                      wire::Body body) {
  const auto found = calls_.find(number);
  if (found == calls_.end() || !found->second.call) return;
  if (type == FrameType::kYield) {
    Call& call = *found->second.call;
    call.streams = true;
    const auto caller = call.caller.lock();
    if (caller && !call.answered) caller->reply(type, call.stream, head, std::move(body));
    if (!caller) worker.send_cancel(number);  // nobody reads the items any more
    return;
  }
  Running running = std::move(found->second);
  calls_.erase(found);
  if (running.call->waits_for > 0) worker.add_waiting(-1);
  std::string died;
  if (type == FrameType::kError && head.empty()) {
    died = wire::encode_head(
        worker_died_head(running.target->service->name, worker.how_it_ended(), running.call->tail));
    head = died;
  }
  finish(std::move(running.call), type, head, std::move(body));
  dispatch(running.target);
  loop_.expect_soon(calls_.size() + 1);  // who has this answer may call again
  if (room_is_wanted_ && worker.running() == 0) starter_->make_room();
}

void Calls::finish(std::unique_ptr<Call> call, FrameType type, std::string_view head,
                   wire::Body body) {
  change_waiting(call->parent, -1);
  if (call->answered) return;
  if (call->on_answer) {
    call->on_answer(type, head, std::move(body));
  } else if (const auto caller = call->caller.lock()) {
    caller->reply(type, call->stream, head, std::move(body));
    caller->ended(call->stream);
  }
}

void Calls::fail_call(std::unique_ptr<Call> call, const Error& error) {
  finish(std::move(call), FrameType::kError, wire::encode_error(error), {});
}

void Calls::on_output(Worker& worker, std::uint32_t number, OutputStream stream,
                      std::string_view text) {
  if (Call* call = find(number)) {
    call->tail += text;
    if (call->tail.size() > 2 * kTailSize) call->tail.erase(0, call->tail.size() - kTailSize);
    const auto caller = call->caller.lock();
    if (call->stream_logs && caller && !call->answered) {
      const int which = stream == OutputStream::kStderr ? 2 : 1;
      caller->reply(FrameType::kLog, call->stream, wire::encode_head({{"s", which}}),
                    wire::Body(text));
    }
  }
  observer_.on_output(worker.service(), number, stream, text);
}

void Calls::on_imports(Worker& worker, const Json& modules) {
  observer_.on_imports(worker.service(), modules);
}

void Calls::on_ended(Worker& worker) {
  const auto found = targets_.find(&worker);
  if (found == targets_.end()) return;
  const TargetPtr target = found->second;
  targets_.erase(found);
  std::erase_if(target->workers, [&](const auto& other) { return other.get() == &worker; });
  if (target->kind == TargetKind::kFunction) {
    if (!worker.was_retired()) target->failures = count_failure(target->failures, worker.lived());
    dispatch(target);
    keep_minimum(target);
    return;
  }
  const auto end = fmt::format("its process: {}; make it again", describe(worker.how_it_ended()));
  const Error why = target->gone.value_or(Error{ErrorKind::kNotFound, end});
  if (!target->gone) {
    target->gone = why;
    target->gone->message = fmt::format("the object {} is gone: {}", target->label, end);
  }
  fail_all_waiting(target, *target->gone);
  observer_.on_object_ended(target->object_id, why);
}

Call* Calls::find(std::uint32_t number) {
  if (number == 0) return nullptr;
  const auto found = calls_.find(number);
  return found == calls_.end() ? nullptr : found->second.call.get();
}

void Calls::change_waiting(std::uint32_t parent, int change) {
  Call* call = find(parent);
  if (call == nullptr || !call->worker) return;
  const bool waited = call->waits_for > 0;
  call->waits_for += change;
  const bool waits = call->waits_for > 0;
  if (waited == waits) return;
  call->worker->add_waiting(waits ? 1 : -1);
  if (waits) {
    const auto target = targets_.find(call->worker.get());
    if (target != targets_.end() && !target->second->queue.empty()) {
      loop_.post([this, waiting = target->second] { dispatch(waiting); });
    }
  }
}

// The room that was kept for it goes to the next call.
std::unique_ptr<Call> Calls::take_held(std::uint32_t number) {
  const auto found = calls_.find(number);
  if (found == calls_.end() || !found->second.call || !found->second.call->held) return nullptr;
  Running running = std::move(found->second);
  calls_.erase(found);
  running.call->worker->let_go(number);
  loop_.post([this, target = running.target] { dispatch(target); });
  return std::move(running.call);
}

}  // namespace leanto::node
