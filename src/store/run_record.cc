#include "store/run_record.h"

#include <array>
#include <utility>

namespace leanto {

namespace {

constexpr std::array<std::pair<RunStatus, std::string_view>, 7> kNames{{
    {RunStatus::kQueued, "queued"},
    {RunStatus::kRunning, "running"},
    {RunStatus::kSucceeded, "succeeded"},
    {RunStatus::kFailed, "failed"},
    {RunStatus::kCancelled, "cancelled"},
    {RunStatus::kUnknown, "unknown"},
    {RunStatus::kLost, "lost"},
}};

}  // namespace

std::string_view name_of(RunStatus status) {
  for (const auto& [each, name] : kNames) {
    if (each == status) return name;
  }
  return "unknown";
}

std::optional<RunStatus> find_run_status(std::string_view name) {
  for (const auto& [status, each] : kNames) {
    if (each == name) return status;
  }
  return std::nullopt;
}

bool has_ended(RunStatus status) {
  return status != RunStatus::kQueued && status != RunStatus::kRunning &&
         status != RunStatus::kUnknown;
}

KeyDecision decide_key(const std::optional<RunRecord>& holder, const RunRecord& asked) {
  if (!holder) return KeyDecision::kNew;
  const bool same = holder->version == asked.version && holder->object == asked.object &&
                    holder->member == asked.member && holder->digest == asked.digest;
  return same ? KeyDecision::kSame : KeyDecision::kConflict;
}

RunOutcome lost_outcome(const std::string& reason, std::int64_t at) {
  RunOutcome lost;
  lost.status = RunStatus::kLost;
  lost.at = at;
  lost.error = RunError{"node_lost", "", reason, ""};
  lost.reason = reason;
  return lost;
}

}  // namespace leanto
