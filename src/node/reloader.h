// Keeping state: puts a class's new code under its live objects.
//
// All of them are asked whether they can take it before the first one does, so that either all are
// swapped or none. Calls that run go on with the functions that they are in.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "node/code_store.h"
#include "node/objects.h"

namespace leanto::node {

class Reloader {
 public:
  struct Parts {
    net::Loop& loop;
    CodeStore& code;
    Objects& objects;
  };
  explicit Reloader(Parts parts) : parts_(parts) {}

  // Swaps the live objects of the service's name to this version of it. kInvalid: says which of
  // them cannot be, and why.
  net::Task<Status> reload(ServicePtr service);

 private:
  struct Candidate {
    LiveObjectPtr object;
    std::shared_ptr<Worker> worker;
    std::string workspace;  // of the new code, until it's handed over or given back
  };

  std::vector<Candidate> find_candidates(const ServiceSpec& service) const;
  net::Task<Status> swap(ServicePtr service);
  net::Task<Status> prepare(Candidate& candidate, ServicePtr service);
  net::Task<Status> commit(Candidate& candidate, ServicePtr service);
  net::Task<> give_up(Candidate& candidate);
  void keep_workspace(const std::shared_ptr<Worker>& worker, std::string workspace);
  net::Task<> release_after(std::shared_ptr<Worker> worker);

  Parts parts_;
  std::map<std::string, std::shared_ptr<net::Event>> under_way_;  // by service name
  std::map<const Worker*, std::deque<std::string>> workspaces_;   // of swapped objects
};

// Why only code can't be what differs, as the end of a sentence; nothing if it is.
std::optional<std::string> why_not_only_code(const ServiceSpec& before, const ServiceSpec& now);

}  // namespace leanto::node
