// Runs: which may wait, and what those that wait wait for.
#include <utility>

#include "node/runs.h"

namespace leanto::node {

// The session of who submitted it, so that a queue is fair also after a restart.
std::string Runs::party_of(const std::string& caller) {
  const wire::Json said = wire::Json::parse(caller, nullptr, false);
  return said.is_object() ? wire::find_string(said, "session").value_or("") : std::string();
}

std::optional<Error> Runs::refuse(const Target& target, const wire::Submission& asked,
                                  const std::string& caller) const {
  const std::string party = party_of(caller);
  if (auto full = target.queue.refuse(party, target.service->name)) return full;
  if (!asked.call.max_queue) return std::nullopt;
  return parts_.calls.refuse_to_wait(target, party, *asked.call.max_queue);
}

net::Task<bool> Runs::is_known(std::string key) {
  if (key.empty()) co_return false;
  auto find = [key = std::move(key)](RunStore& store) { return store.find_by_key(key); };
  const auto found = co_await parts_.journal.read(std::move(find));
  co_return found && found->has_value();
}

std::optional<Calls::Waiting> Runs::find_waiting(const std::string& id) const {
  const ActivePtr run = find_active(id);
  if (!run || run->phase != Phase::kQueued) return std::nullopt;
  return parts_.calls.find_waiting(run->call);
}

}  // namespace leanto::node
