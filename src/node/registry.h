// The services that this node knows: by version, and by the names that point to versions.
//
// It is all in memory; what changes is written to the ledger first, so that a restarted node knows
// the same.
#pragma once

#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "node/ledger_access.h"
#include "node/service_spec.h"

namespace leanto::node {

// Whether a name stands for a version that is added.
enum class Naming { kNewest, kNone };

class Registry {
 public:
  Registry(LedgerAccess& ledger, const Clock& clock) : ledger_(ledger), clock_(clock) {}

  // What the ledger has, at the start of the node.
  Status restore(Ledger& ledger);

  // Makes `service` known, and the newest of its name.
  net::Task<Status> add(ServicePtr service, Naming naming = Naming::kNewest);
  // Lets `name` stand for a version that is known.
  net::Task<Status> save(std::string name, std::string version);

  ServicePtr find_version(const std::string& version) const;
  // kNotFound names the near names.
  Result<ServicePtr> get_named(const std::string& name) const;

  struct Row {
    std::string name;
    ServicePtr service;
    std::int64_t at = 0;  // milliseconds since 1970
  };
  std::vector<Row> rows() const;

 private:
  struct Name {
    std::string version;
    std::int64_t at = 0;
  };
  std::int64_t now() const;

  LedgerAccess& ledger_;
  const Clock& clock_;
  std::unordered_map<std::string, ServicePtr> versions_;
  std::map<std::string, Name> names_;
};

}  // namespace leanto::node
