// The zygotes of this node: one for each interpreter and environment, warm with what their services
// import.
//
// A worker says which third-party modules it has imported. They are remembered in the ledger, and a
// new zygote is made that imports them ahead; when it's warm it takes the old one's place, which
// ends with its last worker. A module that leaves threads behind or opens a GPU would be broken in
// a fork: it's refused for good.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>

#include "node/ledger_access.h"
#include "node/zygote.h"

namespace leanto::node {

struct ZygoteReport {
  std::string python;
  pid_t pid = 0;
  std::size_t modules = 0;
  bool renewing = false;
};

class Zygotes {
 public:
  Zygotes(net::Loop& loop, LedgerAccess& ledger, Zygote::Places places, std::string log_file);

  // Starts the zygote if there is none, so that it's warm when it's needed.
  void warm(const ZygoteKey& key);
  const std::string& package() const { return places_.package; }
  net::Task<Result<std::shared_ptr<Zygote>>> get(const ZygoteKey& key);
  // The interpreter goes away, or, without one: what all were started with has changed. Zygotes of
  // it end with their last worker; new ones are started when they are needed.
  void renew_all(const std::string& python = {});
  // One of an earlier daemon's, until its last worker has ended.
  void keep(std::shared_ptr<Zygote> zygote) { retired_.push_back(std::move(zygote)); }
  // The node is stopped, so nothing of it is to live on.
  void end_all();
  void learn(const ZygoteKey& key, const wire::Json& modules);

  std::vector<ZygoteReport> report() const;

 private:
  struct Slot {
    std::shared_ptr<Zygote> zygote;
    std::set<std::string> known;  // modules that are imported ahead, asked for, or refused
    std::size_t preloaded = 0;
    bool looked_up = false;  // what the ledger knows is in `known`
    bool renewing = false;
    bool renew_again = false;
    std::uint64_t generation = 0;  // another one: what was started before is not to be used
  };

  Result<std::shared_ptr<Zygote>> start(const ZygoteKey& key);
  void retire(std::shared_ptr<Zygote> zygote);
  net::Task<> renew(ZygoteKey key);
  net::Task<Result<std::shared_ptr<Zygote>>> make_warm(const ZygoteKey& key);
  net::Task<> remember(ZygoteKey key, std::vector<std::string> modules);

  net::Loop& loop_;
  LedgerAccess& ledger_;
  const Zygote::Places places_;
  const std::string log_file_;
  std::map<ZygoteKey, Slot> slots_;
  std::vector<std::shared_ptr<Zygote>> retired_;  // until their last worker has ended
};

}  // namespace leanto::node
