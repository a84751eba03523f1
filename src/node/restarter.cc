#include "node/restarter.h"

#include <algorithm>
#include <chrono>
#include <set>
#include <utility>

namespace leanto::node {

using namespace std::chrono_literals;

namespace {

// For user code to clean up after its interrupt, and after SIGTERM.
constexpr Duration kGrace = 5s;

bool has_ended(const std::shared_ptr<Worker>& worker) {
  return worker->state() == WorkerState::kEnded;
}

}  // namespace

std::vector<TargetPtr> targets_to_restart(const std::unordered_map<std::string, TargetPtr>& targets,
                                          const ServicePtr& named, const std::string& name) {
  std::vector<TargetPtr> meant;
  for (const auto& [version, target] : targets) {
    if (target->workers.empty()) continue;
    const bool is_named = target->service->name == name || (named && version == named->version);
    if (name.empty() || is_named) meant.push_back(target);
  }
  std::sort(meant.begin(), meant.end(), [](const TargetPtr& a, const TargetPtr& b) {
    return std::pair(a->service->name, a->service->version) <
           std::pair(b->service->name, b->service->version);
  });
  return meant;
}

int Restarter::interrupt(const Workers& workers) {
  int interrupted = 0;
  for (const auto& worker : workers) {
    for (const std::uint32_t call : worker->running_calls()) {
      parts_.calls.cancel(call);
      ++interrupted;
    }
  }
  return interrupted;
}

net::Task<> Restarter::start_new(const std::vector<TargetPtr>& targets,
                                 std::vector<RestartedService>& restarted) {
  std::set<std::string> interpreters;
  for (const TargetPtr& target : targets) interpreters.insert(target->service->python);
  for (const std::string& python : interpreters) parts_.renew(python);
  for (std::size_t i = 0; i < targets.size(); ++i) {
    if (targets[i]->retired) continue;  // an old version: whoever still calls it starts another
    const Status started = co_await parts_.start_one(targets[i]);
    if (!started) restarted[i].error = started.error();
  }
}

net::Task<> Restarter::wait_for_end(const Workers& workers, MonotonicTime until) {
  for (const auto& worker : workers) {
    const Duration left = until - parts_.clock.monotonic();
    if (has_ended(worker) || left <= Duration::zero()) continue;
    (void)co_await worker->ended(left);
  }
}

net::Task<std::vector<RestartedService>> Restarter::restart(std::vector<TargetPtr> targets,
                                                            RestartWords words) {
  std::vector<RestartedService> restarted;
  std::vector<Workers> before;
  Workers all;
  for (const TargetPtr& target : targets) {
    const Workers& workers = before.emplace_back(target->workers);
    RestartedService& row = restarted.emplace_back();
    row.service = target->service->name;
    row.version = target->service->version;
    for (const auto& worker : workers) {
      row.before.push_back(worker->pid());
      worker->retire();
    }
    if (words.running == RunningCalls::kInterrupt) row.interrupted = interrupt(workers);
    all.insert(all.end(), workers.begin(), workers.end());
  }
  const MonotonicTime began = parts_.clock.monotonic();
  co_await start_new(targets, restarted);
  if (words.running == RunningCalls::kFinish) {
    co_await wait_for_end(all, began + words.limit);
  } else {
    co_await wait_for_end(all, began + kGrace);
    for (const auto& worker : all) worker->terminate();
    co_await wait_for_end(all, parts_.clock.monotonic() + kGrace);
    for (const auto& worker : all) worker->kill();
    co_await wait_for_end(all, parts_.clock.monotonic() + kGrace);
  }
  for (std::size_t i = 0; i < before.size(); ++i) {
    for (const auto& worker : before[i]) restarted[i].running += worker->running();
  }
  co_return restarted;
}

}  // namespace leanto::node
