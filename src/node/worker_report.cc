#include "node/worker_report.h"

#include <chrono>

#include "os/process_stat.h"

namespace leanto::node {

using wire::Json;

Json memory_of(pid_t pid) {
  const auto memory = process_memory(SystemKernelFiles(), pid, MemoryDetail::kQuick);
  if (!memory) return nullptr;
  return memory->rss_bytes;
}

Json memory_of(const Worker& worker) {
  const WorkerResources& resources = worker.resources();
  return resources.memory ? Json(resources.memory->use().current) : memory_of(worker.pid());
}

Json cpu_of(pid_t pid) {
  const auto seconds = cpu_seconds(SystemKernelFiles(), pid);
  if (!seconds) return nullptr;
  return *seconds;
}

Json worker_row(const Worker& worker, const Target& target, const Slots& slots) {
  Json row = {{"pid", worker.pid()},
              {"service", target.service->name},
              {"version", target.service->version},
              {"calls", worker.running()},
              {"leaving", worker.state() == WorkerState::kLeaving},
              {"uptime", std::chrono::duration<double>(worker.lived()).count()},
              {"cpu", cpu_of(worker.pid())},
              {"memory", memory_of(worker)}};
  const WorkerResources& resources = worker.resources();
  if (resources.memory) {
    const MemoryUse use = resources.memory->use();
    row["memory_limit"] = use.limit;
    if (use.peak) row["memory_peak"] = *use.peak;
  }
  if (resources.slots.holding.cpus > 0) row["cpus"] = resources.slots.holding.cpus;
  for (const GpuShare& share : resources.slots.holding.gpus)
    row["gpus"].push_back({{"name", slots.all().gpus[share.gpu].name}, {"share", share.share}});
  if (target.kind == TargetKind::kObject) row["object"] = target.label;
  return row;
}

Json service_row(const Target& target) {
  int running = 0;
  for (const auto& worker : target.workers) running += worker->running();
  Json row = {{"service", target.service->name},
              {"version", target.service->version},
              {"workers", target.workers.size()},
              {"starting", target.starting},
              {"running", running},
              {"waiting", target.queue.size()}};
  if (target.kind == TargetKind::kObject) row["object"] = target.label;
  return row;
}

}  // namespace leanto::node
