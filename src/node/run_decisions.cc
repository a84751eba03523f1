#include "node/run_decisions.h"

#include <fmt/format.h>

#include <utility>

#include "base/byte_size.h"
#include "base/duration.h"

namespace leanto::node {

using namespace std::chrono_literals;
using wire::Json;

namespace {

constexpr std::string_view kCancel = "cancel";
constexpr std::string_view kTimeout = "timeout";

RunError error_of(const Json& head) {
  return {wire::find_string(head, "kind").value_or("internal"),
          wire::find_string(head, "type").value_or(""),
          wire::find_string(head, "message").value_or(""),
          wire::find_string(head, "traceback").value_or("")};
}

std::string how_it_ended(const Stopping& stopping) {
  if (!stopping.terminated) return {};
  const auto grace = std::chrono::duration_cast<std::chrono::milliseconds>(stopping.grace);
  return fmt::format("; it did not end within {} and its worker was {}", format_duration(grace),
                     stopping.killed ? "killed" : "terminated");
}

// An outcome that is not the call's own answer.
Ending ending(RunStatus status, const Error& error, std::string reason) {
  Ending ended;
  ended.outcome.status = status;
  ended.outcome.error = RunError{std::string(error_row(error.kind).name), "", error.message, ""};
  ended.outcome.reason = std::move(reason);
  ended.answer = {AnswerKind::kError, wire::encode_error(error), {}};
  return ended;
}

}  // namespace

Ending stopped_ending(const Stopping& stopping) {
  const std::string how = how_it_ended(stopping);
  if (stopping.cause == StopCause::kTimeout)
    return ending(RunStatus::kFailed, {ErrorKind::kTimeout, stopping.reason + how}, {});
  const std::string why = stopping.reason.empty() ? "" : ": " + stopping.reason;
  return ending(RunStatus::kCancelled, {ErrorKind::kCancelled, "the run was cancelled" + why + how},
                stopping.reason + how);
}

RunStop record_of(const Stopping& stopping) {
  return {std::string(stopping.cause == StopCause::kTimeout ? kTimeout : kCancel), stopping.reason};
}

std::optional<Stopping> stopping_of(const RunRecord& run, MonotonicTime now) {
  if (!run.stop) return std::nullopt;
  const StopCause cause = run.stop->cause == kTimeout ? StopCause::kTimeout : StopCause::kCancel;
  return Stopping{cause, run.stop->reason, now, std::chrono::milliseconds(run.grace_ms)};
}

StopDecision decide_stop(const Stopping& stopping, int other_calls, MonotonicTime now) {
  const MonotonicTime due =
      stopping.terminated ? *stopping.terminated + kKillAfter : stopping.asked + stopping.grace;
  if (now < due) return {StopStep::kWait, due - now};
  if (stopping.terminated) return {StopStep::kKill, kKillAfter};
  if (other_calls > 0) return {StopStep::kLeaveAlone, kLookAgain};
  return {StopStep::kTerminate, kKillAfter};
}

Ending decide_ending(RunAnswer answer, const std::optional<Stopping>& stopping,
                     std::uint64_t max_bytes) {
  const Json head = wire::decode_head(answer.head).value_or(Json::object());
  // After its time is up, what it says doesn't count any more, as for a plain call.
  if (stopping && stopping->cause == StopCause::kTimeout) return stopped_ending(*stopping);
  if (answer.kind == AnswerKind::kError) {
    RunError error = error_of(head);
    const bool gone = error.kind == "cancelled" || error.kind == "worker_died";
    if (stopping && gone) return stopped_ending(*stopping);
    Ending failed{{}, std::move(answer)};
    failed.outcome.status = error.kind == "cancelled" ? RunStatus::kCancelled : RunStatus::kFailed;
    failed.outcome.error = std::move(error);
    return failed;
  }
  if (wire::find_flag(head, "stream", false)) {
    return failed_ending(
        {ErrorKind::kInvalid,
         "it returned a generator, whose items have no place in a run; return a list, or make a "
         "plain call and iterate"});
  }
  if (answer.bytes.size() > max_bytes) {
    return failed_ending(
        {ErrorKind::kCapacity,
         fmt::format("its result of {} is over the limit of {} for a run; keep it "
                     "in a file or an object, or raise max_value_size under "
                     "[runs] in node.toml",
                     format_byte_size(answer.bytes.size()), format_byte_size(max_bytes))});
  }
  Ending succeeded{{}, std::move(answer)};
  succeeded.outcome.status = RunStatus::kSucceeded;
  return succeeded;
}

Ending lost_ending(const std::string& reason, std::int64_t at) {
  return {lost_outcome(reason, at),
          {AnswerKind::kError, wire::encode_error({ErrorKind::kWorkerDied, reason}), {}}};
}

Ending failed_ending(const Error& error) { return ending(RunStatus::kFailed, error, {}); }

Error key_conflict(const RunRecord& holder, const RunRecord& asked) {
  auto call = [](const RunRecord& run) {
    return fmt::format("{}{}{} at version {} with the arguments {}", run.service,
                       run.member.empty() ? "" : ".", run.member, run.version.substr(0, 8),
                       run.digest.substr(0, 8));
  };
  return {ErrorKind::kKeyConflict,
          fmt::format("the key '{}' stands for the run {} ({}): {}. Asked was {}. Use another key, "
                      "or .options(on_conflict=\"replace\") to have that run cancelled first",
                      *holder.key, holder.id, name_of(holder.status), call(holder), call(asked))};
}

AgeTrust::AgeTrust(const Clock& clock)
    : wall_(clock.wall()), monotonic_(clock.monotonic()), from_(monotonic_) {}

bool AgeTrust::is_given(const Clock& clock) {
  const WallTime wall = clock.wall();
  const MonotonicTime monotonic = clock.monotonic();
  if ((wall - wall_) - (monotonic - monotonic_) > 1h) from_ = monotonic + 24h;
  wall_ = wall;
  monotonic_ = monotonic;
  return monotonic >= from_;
}

}  // namespace leanto::node
