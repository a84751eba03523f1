// Launcher: workers that an earlier daemon started, and that carry on durable runs.
#include <utility>

#include "node/launcher.h"

namespace leanto::node {

// Whatever of this fails, the worker is better kept than lost: it's there, and it runs.
net::Task<std::shared_ptr<Worker>> Launcher::take_back(ServicePtr service, Returning returning) {
  ImageUsePtr image;
  if (Result<ImageUsePtr> found = co_await image_of(service)) image = *std::move(found);
  std::string workspace = std::move(returning.workspace);
  if (!workspace.empty()) {
    const Status kept = co_await parts_.code.take_back(workspace);
    if (!kept) workspace.clear();
  }
  auto worker = std::make_shared<Worker>(parts_.loop, parts_.outgoing, parts_.calls, parts_.clock,
                                         service, returning.pid, std::move(returning.channels));
  const SlotAsk& ask = service->settings.ask;
  WorkerResources resources{parts_.slots.take_back(ask, returning.devices), nullptr};
  if (ask.memory > 0) {
    auto kill = [weak = std::weak_ptr(worker)] {
      if (const auto held = weak.lock()) held->kill();
    };
    resources.memory = parts_.memory.hold_again(returning.pid, ask.memory, std::move(kill));
  }
  worker->give(std::move(resources));
  if (!returning.secrets.empty()) worker->mask_output(OutputMask(std::move(returning.secrets)));
  worker->resume(std::move(returning.offers));
  parts_.loop.spawn("release what a worker had", release_after(worker, workspace, image));
  watch_idle_workers();
  co_return worker;
}

}  // namespace leanto::node
