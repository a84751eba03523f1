// The operations that tell people what there is and what goes on, and those on the node as a whole.
#include <unistd.h>

#include <chrono>

#include "base/byte_size.h"
#include "node/operations.h"
#include "node/waiting_report.h"
#include "node/worker_report.h"
#include "provider/choose.h"

namespace leanto::node {

using wire::Json;

namespace {

double seconds_since(const Clock& clock, MonotonicTime then) {
  return std::chrono::duration<double>(clock.monotonic() - then).count();
}

Json describe(const ValueBudget& budget, const ValueMoves& moves) {
  return {
      {"memory", budget.use().memory},
      {"memory_limit", budget.limits().memory},
      {"disk", budget.use().disk},
      {"disk_limit", budget.limits().disk},
      {"direct", moves.direct()},
      {"by_way_of_here", moves.by_way_of_here()},
      {"trees_direct", moves.trees_direct()},
      {"why_not_direct", moves.why_not_direct().empty() ? Json() : Json(moves.why_not_direct())}};
}

Json to_json(const TlsFacts& tls) {
  if (tls.fingerprint.empty()) return nullptr;
  return {{"address", tls.address.text()}, {"fingerprint", tls.fingerprint}};
}

// Idle targets without a worker are left out: there may be one for each version that ever ran.
bool is_at_work(const Target& target) {
  return !target.workers.empty() || target.starting > 0 || !target.queue.empty();
}

}  // namespace

net::Task<Result<Answer>> Operations::status(Request&) {
  const Slots& slots = parts_.slots.slots();
  Json workers = Json::array();
  Json services = Json::array();
  auto add = [&](const Target& target) {
    if (is_at_work(target)) {
      services.push_back(service_row(target));
      if (!target.queue.empty()) services.back()["waits_for"] = waits_for(target, slots);
    }
    for (const auto& worker : target.workers) workers.push_back(worker_row(*worker, target, slots));
  };
  for (const auto& [version, target] : parts_.launcher.targets()) add(*target);
  for (const auto& [id, object] : parts_.objects.live()) add(*object->target);
  Json zygotes = Json::array();
  for (const ZygoteReport& zygote : parts_.zygotes.report()) {
    zygotes.push_back({{"pid", zygote.pid},
                       {"python", zygote.python},
                       {"modules", zygote.modules},
                       {"renewing", zygote.renewing},
                       {"memory", memory_of(zygote.pid)}});
  }
  const NodeFacts& facts = parts_.facts;
  const std::optional<Duration> autostop = parts_.autostop.after();
  co_return Answer{
      {{"version", facts.version},
       {"id", facts.id},
       {"pid", ::getpid()},
       {"socket", facts.socket},
       {"state_directory", facts.state_directory},
       {"config_file", facts.config_file},
       {"cgroups", facts.cgroups},
       {"http", facts.http.empty() ? Json() : Json(facts.http)},
       {"tls", to_json(facts.tls)},
       {"memory_limits", parts_.memory.description()},
       {"autostop", autostop ? Json(std::chrono::duration<double>(*autostop).count()) : Json()},
       {"slots", describe(slots.all())},
       {"waiting_for_slots", parts_.slots.waiting().size()},
       {"memory", memory_of(::getpid())},
       {"uptime", seconds_since(parts_.clock, facts.started)},
       {"idle", std::chrono::duration<double>(parts_.autostop.idle()).count()},
       {"calls", parts_.calls.running()},
       {"cpu", cpu_of(::getpid())},
       {"services", services},
       {"values", describe(parts_.value_budget, parts_.clusters.moves())},
       {"workers", workers},
       {"zygotes", zygotes}},
      {}};
}

net::Task<Result<Answer>> Operations::list(Request&) {
  Json services = Json::array();
  for (const Registry::Row& row : parts_.registry.rows()) {
    const ServiceSpec& service = *row.service;
    services.push_back({{"name", row.name},
                        {"kind", service.kind == ServiceKind::kClass ? "class" : "function"},
                        {"version", service.version},
                        {"callable", service.module + "." + service.qualname},
                        {"root", service.root},
                        {"saved_at", row.at}});
  }
  Json objects = Json::array();
  for (const auto& [id, object] : parts_.objects.live()) {
    objects.push_back(
        {{"name", object->name}, {"id", id}, {"kind", "live"}, {"class", object->class_name}});
  }
  for (const std::string& name : parts_.objects.names()) {
    if (parts_.objects.find_value(name) != nullptr)
      objects.push_back({{"name", name}, {"kind", "value"}});
  }
  co_return Answer{{{"services", services}, {"objects", objects}}, {}};
}

net::Task<Result<Answer>> Operations::logs(Request& request) {
  const Result<std::string> name = wire::require_string(request.head, "name");
  if (!name) co_return Failure(name.error());
  const Result<ServicePtr> service = parts_.registry.get_named(*name);
  if (!service) co_return Failure(service.error());
  co_await parts_.log.flush();
  co_return Answer{{{"file", parts_.log.file_of((*service)->name)}}, {}};
}

net::Task<Result<Answer>> Operations::stop(Request& request) {
  const bool keep = wire::find_flag(request.head, "keep_runs", false);
  const NodeEnd how = keep ? NodeEnd::kRunsGoOn : NodeEnd::kWithRuns;
  parts_.loop.post([stop = parts_.stop, how] { stop(how); });
  co_return Answer{{{"pid", ::getpid()}}, {}};
}

}  // namespace leanto::node
