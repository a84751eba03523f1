#include "node/run_report.h"

#include <algorithm>

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

}  // namespace

Json run_to_json(const RunRecord& run) {
  Json caller = Json::parse(run.caller, nullptr, false);
  if (!caller.is_object()) caller = Json::object();
  return {{"id", run.id},
          {"key", or_null(run.key)},
          {"service", run.service},
          {"version", run.version},
          {"object", run.object.empty() ? Json() : Json(run.object)},
          {"member", run.member.empty() ? Json() : Json(run.member)},
          {"caller", caller},
          {"node", run.node},
          {"status", name_of(run.status)},
          {"attempt", run.attempt},
          {"created_at", run.created_at},
          {"started_at", or_null(run.started_at)},
          {"ended_at", or_null(run.ended_at)},
          {"queue_time", seconds_between(run.created_at, run.started_at)},
          {"timeout", run.timeout_ms ? Json(static_cast<double>(*run.timeout_ms) / 1000) : Json()},
          {"grace", static_cast<double>(run.grace_ms) / 1000},
          {"error", error_to_json(run.error)},
          {"reason", run.reason},
          {"arguments_size", run.arguments_size},
          {"result_size", run.answer_size},
          {"log_size", run.log_size}};
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
