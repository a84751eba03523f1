// Gives services new workers: what `leanto restart` asks for.
//
// The old ones get no more calls and end with their last; the new ones come from a new zygote, so
// that they import what is installed now. Live objects are left alone: their state is what they
// are for.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "node/calls.h"

namespace leanto::node {

// What becomes of the calls that the old workers run.
enum class RunningCalls { kFinish, kInterrupt };

struct RestartWords {
  RunningCalls running = RunningCalls::kFinish;
  Duration limit{};  // how long to wait until the old workers have ended; they go on afterwards
};

struct RestartedService {
  std::string service;
  std::string version;
  std::vector<pid_t> before;   // the workers that leave
  int interrupted = 0;         // calls
  int running = 0;             // calls that the old workers still run
  std::optional<Error> error;  // why there is no new worker

  friend bool operator==(const RestartedService&, const RestartedService&) = default;
};

class Restarter {
 public:
  struct Parts {
    Calls& calls;
    const Clock& clock;
    // Lets workers of this interpreter start from a new zygote.
    std::function<void(const std::string& python)> renew;
    // Starts a worker for a target, unless one is ready; and as many as it must have.
    std::function<net::Task<Status>(TargetPtr)> start_one;
  };
  explicit Restarter(Parts parts) : parts_(std::move(parts)) {}

  // Targets without a worker are not among the answers. A call that doesn't heed its interrupt is
  // terminated with its worker, and killed a moment later; that takes ten seconds at most.
  net::Task<std::vector<RestartedService>> restart(std::vector<TargetPtr> targets,
                                                   RestartWords words);

 private:
  using Workers = std::vector<std::shared_ptr<Worker>>;
  int interrupt(const Workers& workers);
  net::Task<> start_new(const std::vector<TargetPtr>& targets,
                        std::vector<RestartedService>& restarted);
  net::Task<> wait_for_end(const Workers& workers, MonotonicTime until);

  Parts parts_;
};

// Decides which targets are meant: those of the service's name, and of the version that the name
// stands for. Without a name all.
std::vector<TargetPtr> targets_to_restart(const std::unordered_map<std::string, TargetPtr>& targets,
                                          const ServicePtr& named, const std::string& name);

}  // namespace leanto::node
