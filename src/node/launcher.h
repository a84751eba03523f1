// Starts workers for targets: lays the code out, forks a process and has it import the service.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>

#include "node/calls.h"
#include "node/code_store.h"
#include "node/images.h"
#include "node/secrets.h"
#include "node/zygotes.h"

namespace leanto::node {

ZygoteKey zygote_of(const ServiceSpec& service);
// What a worker is told to import, {"op": "load"} and where it lies.
wire::Json load_words(const ServiceSpec& service, const std::string& workspace);
std::string from_hex(std::string_view hex);

class Launcher final : public WorkerStarter {
 public:
  struct Parts {
    net::Loop& loop;
    net::Outgoing& outgoing;
    Calls& calls;
    CodeStore& code;
    Zygotes& zygotes;
    Images& images;
    const Secrets& secrets;
    const Clock& clock;
    Duration idle_timeout;  // then a function's worker without calls ends
  };
  explicit Launcher(Parts parts) : parts_(parts) {}

  void start_worker(const TargetPtr& target) override;

  // The target of a function or class at a version; the same one for the same version.
  TargetPtr target_of(const ServicePtr& service);
  // Starts a worker if the target has none, and returns what the service offers.
  net::Task<Result<wire::Json>> ensure(TargetPtr target);
  // A worker that belongs to no target yet.
  net::Task<Result<std::shared_ptr<Worker>>> launch(ServicePtr service);

  const std::unordered_map<std::string, TargetPtr>& targets() const { return targets_; }

 private:
  net::Task<> retire_idle_workers();
  net::Task<> start_for(TargetPtr target);
  net::Task<Result<std::shared_ptr<Worker>>> launch_in(ServicePtr service, ImageUsePtr image);
  net::Task<Result<std::shared_ptr<Worker>>> fork(ServicePtr service);
  net::Task<> keep_image(std::shared_ptr<Worker> worker, ImageUsePtr image);
  net::Task<> release_after(std::shared_ptr<Worker> worker, std::string workspace);

  Parts parts_;
  std::unordered_map<std::string, TargetPtr> targets_;
  bool watches_idle_ = false;
  std::unordered_map<const Target*, std::shared_ptr<net::Event>> ensuring_;
};

}  // namespace leanto::node
