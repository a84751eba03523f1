// The operation that gives services new workers.
#include <algorithm>

#include "node/operations.h"

namespace leanto::node {

using wire::Json;

namespace {

constexpr double kLongestWait = 86'400;

RestartWords restart_words(const Json& head) {
  RestartWords words;
  if (wire::find_flag(head, "now", false)) words.running = RunningCalls::kInterrupt;
  const double limit = wire::find_number(head, "limit").value_or(30);
  words.limit = std::chrono::duration_cast<Duration>(
      std::chrono::duration<double>(std::clamp(limit, 0.0, kLongestWait)));
  return words;
}

Json row_of(const RestartedService& restarted) {
  Json row = {{"service", restarted.service},
              {"version", restarted.version},
              {"workers", restarted.before},
              {"interrupted", restarted.interrupted},
              {"running", restarted.running}};
  if (restarted.error) row["error"] = wire::error_to_json(*restarted.error);
  return row;
}

}  // namespace

net::Task<Result<Answer>> Operations::restart(Request& request) {
  const std::string name = wire::find_string(request.head, "service").value_or("");
  ServicePtr named;
  if (!name.empty()) {
    const Result<ServicePtr> found = parts_.registry.get_named(name);
    if (!found) co_return Failure(found.error());
    named = *found;
  } else if (!wire::find_flag(request.head, "all", false)) {
    co_return fail(ErrorKind::kInvalid, "restart takes the name of a service, or all=true");
  }
  std::vector<TargetPtr> targets = targets_to_restart(parts_.launcher.targets(), named, name);
  const RestartWords words = restart_words(request.head);
  const auto restarted = co_await parts_.restarter.restart(std::move(targets), words);
  Json rows = Json::array();
  for (const RestartedService& each : restarted) rows.push_back(row_of(each));
  co_return Answer{{{"services", rows}}, {}};
}

}  // namespace leanto::node
