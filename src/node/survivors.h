// What a killed daemon has left running: workers with durable runs, and the zygotes that they came
// from. They find this daemon by a socket in the directory that both know (the lifeline,
// python/leanto/worker/lifeline.py), introduce themselves, and are taken back.
//
//   zygote → node   {"op": "zygote", "pid", "workers": [pid, ...]}      then it's its control
//   channel worker → node   {"op": "worker", "pid", "nonce", "calls": [{"n", "cancelled"}, ...],
//   "workspace",
//                    "devices", "secrets", "cls", "describe"} and its descriptors
//   node → worker   {"op": "welcome", "calls": [n, ...]}: those that it goes on with
//   node → either   {"op": "leave"}
//
// A living zygote holds a lock on a file there, so it's known for whom to wait; when nobody is
// awaited any more, the runs that nobody came back with are given up.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "node/launcher.h"
#include "node/objects.h"
#include "node/registry.h"
#include "node/runs.h"
#include "os/xdg.h"

namespace leanto::node {

// The directory.
inline std::string lifeline_of(const Directories& directories) {
  return (directories.state / "zygotes").string();
}

class Survivors {
 public:
  struct Parts {
    net::Loop& loop;
    const Clock& clock;
    Calls& calls;
    Launcher& launcher;
    Zygotes& zygotes;
    Objects& objects;
    Registry& registry;
    Runs& runs;
    SlotQueue& slots;
    CodeStore& code;
    std::string lifeline;  // the directory
  };
  Survivors(Parts parts, std::set<pid_t> awaited);

  // The zygotes of an earlier daemon that live; before this one starts any. Removes what others
  // have left in the directory.
  static std::set<pid_t> find_zygotes(const std::string& lifeline);

  // From now on they may come. Once, after Runs has recovered.
  Status listen();

 private:
  using Descriptors = std::vector<UniqueFd>;

  bool is_settled() const { return awaited_zygotes_.empty() && awaited_workers_.empty(); }
  void forget_the_dead();
  net::Task<> wait_for_all();
  net::Task<> accept(UniqueFd listener);
  net::Task<> serve(UniqueFd socket);
  net::Task<bool> wait_readable(int socket);
  bool take_zygote(UniqueFd& socket, const wire::Json& said);
  net::Task<wire::Json> take_worker(wire::Json said, Descriptors descriptors);
  TargetPtr target_for(const RunRecord& run, const wire::Json& said);

  Parts parts_;
  std::set<pid_t> awaited_zygotes_;
  std::map<pid_t, std::shared_ptr<Zygote>> awaited_workers_;  // and where they come from
  std::vector<std::shared_ptr<Zygote>> zygotes_;              // that came back
};

}  // namespace leanto::node
