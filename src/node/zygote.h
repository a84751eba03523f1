// A zygote: a warm Python process that workers are forked from (python/leanto/worker/zygote.py).
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "net/event.h"
#include "net/readable.h"
#include "node/worker.h"
#include "os/process.h"
#include "wire/head.h"

namespace leanto::node {

// Which zygote a service's workers come from: one per interpreter and environment.
struct ZygoteKey {
  std::string python;
  std::map<std::string, std::string> env;

  std::string text() const;
  friend auto operator<=>(const ZygoteKey&, const ZygoteKey&) = default;
};

struct Preloaded {
  std::vector<std::pair<std::string, std::string>> refused;  // module, why
  bool tainted = false;  // threads were left behind, a GPU is open: fork no worker from it
};

class Zygote : public std::enable_shared_from_this<Zygote> {
 public:
  struct Places {
    std::string package;   // the directory that holds the Python package
    std::string lifeline;  // where the next daemon will listen (python/leanto/worker/lifeline.py)
  };
  static Result<std::shared_ptr<Zygote>> start(net::Loop& loop, const ZygoteKey& key,
                                               const Places& places, UniqueFd log);
  // A process that is there: just started, or by an earlier daemon.
  Zygote(net::Loop& loop, Child child, UniqueFd control);

  struct Forked {
    pid_t pid = 0;
    WorkerChannels channels;
  };
  net::Task<Result<Forked>> fork_worker();
  // Whoever is given `pid` by fork_worker says who wants to hear of its end.
  void watch(std::shared_ptr<Worker> worker);

  net::Task<Result<Preloaded>> preload(const std::vector<std::string>& modules);

  // It said that this process of its own has ended, for which nobody watches (yet).
  bool has_seen_end_of(pid_t pid) const { return early_exits_.contains(pid); }
  // Tells it something that isn't asked by the other functions.
  Status tell(const wire::Json& message) { return send(message, {}); }

  // No more workers come from it; it ends when the last of its workers has.
  void retire();
  bool is_alive() const { return alive_; }
  pid_t pid() const { return child_.pid; }

 private:
  net::Readable::Next read_messages();
  void on_message(const wire::Json& message);
  void on_end();
  void end_if_unused();
  Status send(const wire::Json& message, std::span<const int> descriptors);

  net::Loop& loop_;
  Child child_;
  bool alive_ = true;
  bool retired_ = false;

  struct Fork {
    net::Event done;
    pid_t pid = 0;
    explicit Fork(net::Loop& loop) : done(loop) {}
  };
  std::uint32_t next_fork_ = 0;
  std::unordered_map<std::uint32_t, std::shared_ptr<Fork>> forks_;
  std::shared_ptr<net::Event> preload_done_;
  Preloaded preloaded_;
  std::unordered_map<pid_t, std::shared_ptr<Worker>> workers_;
  std::unordered_map<pid_t, ExitStatus> early_exits_;  // ended before they were watched
  std::unique_ptr<net::Readable> control_;
};

}  // namespace leanto::node
