#include "node/run_report.h"

#include <algorithm>

#include "node/run_share.h"

namespace leanto::node {

using wire::Json;

namespace {

constexpr std::int64_t kMaxListed = 10'000;

template <typename T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json();
}

Json error_to_json(const std::optional<RunError>& error) {
  if (!error) return nullptr;
  return {{"kind", error->kind},
          {"type", error->type},
          {"message", error->message},
          {"traceback", error->traceback}};
}

Json seconds_between(std::int64_t from, const std::optional<std::int64_t>& to) {
  if (!to) return nullptr;
  return static_cast<double>(std::max<std::int64_t>(0, *to - from)) / 1000;
}

Json attempt_to_json(const RunStore::Attempt& attempt) {
  return {
      {"number", attempt.number},
      {"node", attempt.node.empty() ? Json() : Json(attempt.node)},
      {"started_at", attempt.started_at},
      {"ended_at", or_null(attempt.ended_at)},
      {"outcome", attempt.outcome.empty() ? Json() : Json(attempt.outcome)},
      {"error", error_to_json(attempt.error)},
      {"reason", attempt.reason},
      {"log_offset", attempt.log_offset},
      {"memory_limit", or_null(attempt.memory_limit)},
      {"memory_peak", or_null(attempt.memory_peak)},
      {"gpus", static_cast<double>(attempt.share.gpus_1000) / 1000},
      {"price_per_hour", attempt.share.price_1000000
                             ? Json(static_cast<double>(*attempt.share.price_1000000) / 1e6)
                             : Json()},
      {"cpu_time", attempt.cpu_ms ? Json(static_cast<double>(*attempt.cpu_ms) / 1000) : Json()}};
}

Json stop_to_json(const std::optional<RunStop>& stop) {
  if (!stop) return {};
  return {{"cause", stop->cause}, {"reason", stop->reason}};
}

}  // namespace

Json run_to_json(const RunRecord& run) {
  Json caller = Json::parse(run.caller, nullptr, false);
  if (!caller.is_object()) caller = Json::object();
  const Json path = caller.value("path", Json::array());
  caller.erase("path");
  return {{"id", run.id},
          {"key", or_null(run.key)},
          {"replays", run.replays.empty() ? Json() : Json(run.replays)},
          {"service", run.service},
          {"version", run.version},
          {"snapshot", run.snapshot.empty() ? Json() : Json(run.snapshot)},
          {"image", run.image.empty() ? Json() : Json(run.image)},
          {"object", run.object.empty() ? Json() : Json(run.object)},
          {"member", run.member.empty() ? Json() : Json(run.member)},
          {"caller", caller},
          {"node", run.node},
          {"path", path},
          {"status", name_of(run.status)},
          {"attempt", run.attempt},
          {"not_before", or_null(run.not_before)},
          {"policy", run.policy.empty() ? Json() : Json::parse(run.policy, nullptr, false)},
          {"created_at", run.created_at},
          {"started_at", or_null(run.started_at)},
          {"ended_at", or_null(run.ended_at)},
          {"queue_time", seconds_between(run.created_at, run.started_at)},
          {"timeout", run.timeout_ms ? Json(static_cast<double>(*run.timeout_ms) / 1000) : Json()},
          {"grace", static_cast<double>(run.grace_ms) / 1000},
          {"error", error_to_json(run.error)},
          {"reason", run.reason},
          {"stop", stop_to_json(run.stop)},
          {"arguments_size", run.arguments_size},
          {"keep_args", run.keep_arguments},
          {"result_size", run.answer_size},
          {"log_size", run.log_size}};
}

Json run_to_json(const RunRecord& run, const std::vector<RunStore::Attempt>& attempts) {
  Json said = run_to_json(run);
  said["attempts"] = Json::array();
  std::optional<std::int64_t> peak;
  std::int64_t cpu_ms = 0;
  for (const RunStore::Attempt& attempt : attempts) {
    said["attempts"].push_back(attempt_to_json(attempt));
    if (attempt.memory_peak) peak = std::max(peak.value_or(0), *attempt.memory_peak);
    cpu_ms += attempt.cpu_ms.value_or(0);
  }
  said["memory_peak"] = or_null(peak);
  said["cpu_time"] = static_cast<double>(cpu_ms) / 1000;
  said["gpu_time"] = gpu_seconds(attempts);
  said["cost"] = or_null(cost(attempts));
  return said;
}

Json to_json(const ExpiredRun& run) {
  return {{"id", run.id},         {"key", or_null(run.key)},  {"service", run.service},
          {"status", run.status}, {"ended_at", run.ended_at}, {"size", run.size}};
}

Result<RunRetention> parse_bounds(const Json& head, RunRetention bounds) {
  for (const auto& [key, field] : {std::pair{"keep", &bounds.keep_ms},
                                   {"max_count", &bounds.max_count},
                                   {"max_size", &bounds.max_bytes}}) {
    if (!head.contains(key)) continue;
    const auto number = wire::find_number(head, key);
    if (!number || !(*number >= 0 && *number < 1e15)) {
      return fail(
          ErrorKind::kInvalid,
          "{} must be a number from 0 up: of ms (keep), runs (max_count) or bytes (max_size)", key);
    }
    *field = static_cast<std::int64_t>(*number);
  }
  return bounds;
}

Result<RunFilter> parse_run_filter(const Json& head) {
  RunFilter filter;
  filter.service = wire::find_string(head, "service").value_or("");
  if (const auto since = wire::find_number(head, "since"))
    filter.since = static_cast<std::int64_t>(*since);
  filter.limit = std::clamp<std::int64_t>(
      static_cast<std::int64_t>(wire::find_number(head, "limit").value_or(100)), 1, kMaxListed);
  const Json statuses = head.value("status", Json::array());
  if (!statuses.is_array()) return fail(ErrorKind::kInvalid, "status is a list of names");
  for (const Json& name : statuses) {
    const auto status = name.is_string() ? find_run_status(name.get<std::string>()) : std::nullopt;
    if (!status) {
      return fail(ErrorKind::kInvalid,
                  "{} is no status of a run; there are queued, running, succeeded, failed, "
                  "cancelled, lost",
                  name.dump(-1, ' ', false, Json::error_handler_t::replace));
    }
    filter.statuses.push_back(*status);
  }
  return filter;
}

}  // namespace leanto::node
