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
  HeldSlots slots = parts_.slots.take_back(service->settings.ask, returning.devices);
  auto worker = make_worker(service, returning.pid, std::move(returning.channels), std::move(slots),
                            &MemoryLimits::hold_again);
  if (!returning.secrets.empty()) worker->mask_output(OutputMask(std::move(returning.secrets)));
  worker->resume(std::move(returning.offers));
  parts_.loop.spawn("release what a worker had", release_after(worker, workspace, image));
  co_return worker;
}

}  // namespace leanto::node
