// The operations on runs.
#include <algorithm>
#include <chrono>

#include "node/operations.h"
#include "node/run_report.h"
#include "node/waiting_report.h"

namespace leanto::node {

using wire::Json;

namespace {

constexpr double kMaxWaitSeconds = 30;
constexpr std::size_t kMaxWaitedFor = 10'000;
// A traceback may be long, and a head has its limit.
constexpr std::size_t kMaxTracebackInList = 2000;

Duration wait_of(const Json& head) {
  const double seconds = wire::find_number(head, "wait").value_or(kMaxWaitSeconds);
  return std::chrono::duration_cast<Duration>(
      std::chrono::duration<double>(std::clamp(seconds, 0.0, kMaxWaitSeconds)));
}

Json short_json(RunRecord run) {
  if (run.error && run.error->traceback.size() > kMaxTracebackInList) run.error->traceback.clear();
  return run_to_json(run);
}

// This node calls others with its owner's rights, so whoever has it do so must have them.
Status check_places(const Request& request, const wire::RetryPolicy& policy) {
  for (const wire::Place& place : policy.places) {
    if (!place.node.empty())
      return request.access.check(Right::kAdmin, "a run with attempts on other nodes");
  }
  return {};
}

}  // namespace

std::string caller_of(const Request& request) {
  Json caller = request.head.value("caller", Json::object());
  if (!caller.is_object()) caller = Json::object();
  caller["session"] = request.session;
  return caller.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json to_json(const Runs::Submitted& submitted) {
  const RunRecord& run = submitted.run;
  return {{"id", run.id},
          {"key", run.key ? Json(*run.key) : Json()},
          {"service", run.service},
          {"status", name_of(run.status)},
          {"new", submitted.is_new}};
}

net::Task<Result<Answer>> Operations::submit(Request& request) {
  Result<wire::Submission> asked = wire::parse_submission(request.head.value("call", Json()));
  if (!asked) co_return Failure(asked.error());
  if (const Status may = check_places(request, asked->policy); !may) co_return Failure(may.error());
  std::string caller = caller_of(request);
  const auto submitted =
      co_await parts_.runs.submit(*std::move(asked), std::move(caller), std::move(request.body));
  if (!submitted) co_return Failure(submitted.error());
  co_return Answer{to_json(*submitted), {}};
}

// Where a queued run stands, and what must happen before its turn comes.
void Operations::add_waiting(const std::string& run, Json& said) const {
  const auto waiting = parts_.runs.find_waiting(run);
  said["queue_position"] = waiting ? Json(waiting->position) : Json();
  said["waits_for"] = waiting ? waits_for(*waiting->target, parts_.slots.slots()) : Json();
}

net::Task<Result<Answer>> Operations::run_record(Request& request) {
  const Result<std::string> id = wire::require_string(request.head, "id");
  if (!id) co_return Failure(id.error());
  const Result<RunRecord> run = co_await parts_.runs.get(*id);
  if (!run) co_return Failure(run.error());
  const auto attempts = co_await parts_.runs.attempts(run->id);
  if (!attempts) co_return Failure(attempts.error());
  Json said = run_to_json(*run, *attempts);
  add_waiting(run->id, said);
  co_return Answer{{{"run", std::move(said)}}, {}};
}

net::Task<Result<Answer>> Operations::runs(Request& request) {
  Result<RunFilter> filter = parse_run_filter(request.head);
  if (!filter) co_return Failure(filter.error());
  const auto found = co_await parts_.runs.list(*std::move(filter));
  if (!found) co_return Failure(found.error());
  Json rows = Json::array();
  for (const RunRecord& run : *found) {
    rows.push_back(short_json(run));
    add_waiting(run.id, rows.back());
  }
  // A head has its limit, a body has room: one JSON text.
  const std::string text = rows.dump(-1, ' ', false, Json::error_handler_t::replace);
  co_return Answer{Json::object(), wire::Body(std::string_view(text)).to_owned()};
}

net::Task<Result<Answer>> Operations::prune_runs(Request& request) {
  const Result<RunRetention> bounds = parse_bounds(request.head, parts_.runs.retention());
  if (!bounds) co_return Failure(bounds.error());
  const bool preview = wire::find_flag(request.head, "dry_run", false);
  const auto forgotten = co_await parts_.runs.forget_expired(
      *bounds, preview ? Runs::Forget::kNothing : Runs::Forget::kExpired);
  if (!forgotten) co_return Failure(forgotten.error());
  Json rows = Json::array();
  std::int64_t size = 0;
  for (const ExpiredRun& run : *forgotten) {
    rows.push_back(to_json(run));
    size += run.size;
  }
  const std::string text = rows.dump(-1, ' ', false, Json::error_handler_t::replace);
  co_return Answer{{{"count", rows.size()}, {"size", size}, {"dry_run", preview}},
                   wire::Body(std::string_view(text)).to_owned()};
}

net::Task<Result<Answer>> Operations::run_wait(Request& request) {
  const Json asked = request.head.value("ids", Json::array());
  std::vector<std::string> ids;
  for (const Json& id : asked) {
    if (id.is_string()) ids.push_back(id.get<std::string>());
  }
  if (ids.empty() || ids.size() > kMaxWaitedFor) {
    co_return fail(ErrorKind::kInvalid, "run_wait takes 1 to {} ids, not {}", kMaxWaitedFor,
                   ids.size());
  }
  const Duration limit = wait_of(request.head);
  const auto ended = co_await parts_.runs.wait(std::move(ids), limit);
  if (!ended) co_return Failure(ended.error());
  Json rows = Json::array();
  for (const RunRecord& run : ended->runs)
    rows.push_back({{"id", run.id}, {"status", name_of(run.status)}});
  co_return Answer{{{"ended", rows}, {"unknown", ended->unknown}}, {}};
}

net::Task<Result<Answer>> Operations::run_result(Request& request) {
  const Result<std::string> id = wire::require_string(request.head, "id");
  if (!id) co_return Failure(id.error());
  const Result<RunRecord> run = co_await parts_.runs.get(*id);
  if (!run) co_return Failure(run.error());
  const auto answer = co_await parts_.runs.answer(run->id);
  if (!answer) co_return Failure(answer.error());
  Json head = {{"status", name_of(run->status)}};
  const Json said = wire::decode_head(answer->head).value_or(Json::object());
  head[answer->kind == AnswerKind::kError ? "error" : "said"] = said;
  // A method that returned its object: the handle, if there is still something to handle.
  const auto object = parts_.objects.live().find(run->object);
  if (wire::find_flag(said, "self", false) && object != parts_.objects.live().end()) {
    head["o"] = object->second->id;
    head["name"] = object->second->name;
    head["cls"] = object->second->class_name;
    head["describe"] = object->second->describe;
  }
  co_return Answer{std::move(head), wire::Body(std::string_view(answer->bytes)).to_owned()};
}

net::Task<Result<Answer>> Operations::run_logs(Request& request) {
  const Result<std::string> id = wire::require_string(request.head, "id");
  if (!id) co_return Failure(id.error());
  const Result<RunRecord> run = co_await parts_.runs.get(*id);
  if (!run) co_return Failure(run.error());
  const auto offset = static_cast<std::uint64_t>(
      std::max(0.0, wire::find_number(request.head, "offset").value_or(0)));
  const Duration limit = wait_of(request.head);
  const auto log = co_await parts_.runs.logs(run->id, offset, limit);
  if (!log) co_return Failure(log.error());
  const std::string& records = log->piece.records;
  co_return Answer{{{"offset", log->piece.offset},
                    {"next", log->piece.next()},
                    {"gap", log->piece.gap},
                    {"ended", log->ended}},
                   wire::Body(std::string_view(records)).to_owned()};
}

net::Task<Result<Answer>> Operations::run_cancel(Request& request) {
  const Result<std::string> id = wire::require_string(request.head, "id");
  if (!id) co_return Failure(id.error());
  std::string reason = wire::find_string(request.head, "reason").value_or("");
  const auto cancelled = co_await parts_.runs.cancel(*id, std::move(reason));
  if (!cancelled) co_return Failure(cancelled.error());
  const Result<RunRecord> run = co_await parts_.runs.get(*id);
  if (!run) co_return Failure(run.error());
  co_return Answer{{{"accepted", *cancelled}, {"id", run->id}, {"status", name_of(run->status)}},
                   {}};
}

}  // namespace leanto::node
