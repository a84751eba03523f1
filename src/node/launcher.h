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
// The values of its secrets ended with an earlier node.
Failure no_secrets(const ServiceSpec& service);

// A worker of an earlier daemon, as it introduces itself.
struct Returning {
  pid_t pid = 0;
  WorkerChannels channels;
  std::string workspace;  // that it runs in; empty: none
  std::string devices;    // the GPUs that it sees
  wire::Json offers;
  std::vector<std::string> secrets;  // what its output may not show
};

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
    SlotQueue& slots;
    MemoryLimits& memory;
    Duration idle_timeout;  // then a function's worker without calls ends
  };
  explicit Launcher(Parts parts);

  void start_worker(const TargetPtr& target) override;
  void make_room() override;
  void keep_minimum(const TargetPtr& target) override;
  bool can_start_soon(const Target& target) const override;

  // The target of a function or class at a version; the same one for the same version.
  TargetPtr target_of(const ServicePtr& service);
  // That of the same service with this much memory for each worker.
  TargetPtr resized(const TargetPtr& target, std::uint64_t memory);
  // Starts a worker if the target has none, and returns what the service offers.
  net::Task<Result<wire::Json>> ensure(TargetPtr target);
  // A worker that belongs to no target yet. Waits until there are slots for it, in the line of
  // those that `party` asks for.
  net::Task<Result<std::shared_ptr<Worker>>> launch(ServicePtr service, std::string party = {});
  // kCapacity if such a worker would have to wait for slots, and `max_queue` or more of those that
  // wait came before.
  Status check_queue(const ServiceSpec& service, std::uint32_t max_queue) const;

  // The environment that the service wants, which is built if it's not there; none: it wants none.
  net::Task<Result<ImageUsePtr>> image_of(ServicePtr service);
  // One that is there already; whoever asks says `start` to it.
  net::Task<std::shared_ptr<Worker>> take_back(ServicePtr service, Returning returning);

  const std::unordered_map<std::string, TargetPtr>& targets() const { return targets_; }

 private:
  net::Task<> retire_idle_workers();
  net::Task<> start_for(TargetPtr target);
  net::Task<> start_until_minimum(TargetPtr target);
  net::Task<Result<std::shared_ptr<Worker>>> launch_with(ServicePtr service, HeldSlots slots);
  net::Task<Result<std::shared_ptr<Worker>>> fork(ServicePtr service, HeldSlots slots);
  using HoldMemory = WorkerMemoryPtr (MemoryLimits::*)(pid_t, std::uint64_t, std::function<void()>);
  std::shared_ptr<Worker> make_worker(ServicePtr service, pid_t pid, WorkerChannels channels,
                                      HeldSlots slots, HoldMemory hold_memory);
  net::Task<> release_after(std::shared_ptr<Worker> worker, std::string workspace,
                            ImageUsePtr image);
  net::Task<Result<wire::Json>> describe_without_slots(ServicePtr service);

  // Workers that could leave for somebody who waits, the longest idle first; and those that do.
  struct Idle {
    std::vector<std::shared_ptr<Worker>> workers;
    std::vector<HoldingId> leaving;
  };
  Idle find_idle() const;
  std::vector<std::shared_ptr<Worker>> who_must_leave(const std::vector<SlotAsk>& waiting) const;
  bool can_have_soon(const SlotAsk& ask) const;

  Parts parts_;
  std::unordered_map<std::string, TargetPtr> targets_;
  bool watches_idle_ = false;
  std::unordered_map<const Target*, std::shared_ptr<net::Event>> ensuring_;
};

}  // namespace leanto::node
