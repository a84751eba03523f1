#include "node/call_queue.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace leanto::node {

void CallQueue::Party::drop_leading_gaps() {
  while (!line.empty() && !line.front()) {
    line.pop_front();
    ++first;
    --gaps;
  }
}

void CallQueue::Party::close_gaps() {
  if (gaps == 0) return;
  std::erase(line, nullptr);
  gaps = 0;
  std::uint64_t ticket = first;
  for (const auto& call : line) call->ticket = ticket++;
}

std::optional<Error> CallQueue::refuse(const std::string& party, const std::string& service) const {
  const auto found = by_name_.find(party);
  if (found != by_name_.end() && found->second->waiting() >= bounds_.party) {
    return Error{ErrorKind::kCapacity,
                 fmt::format("{} is busy: {} calls of this caller wait for it already, and one "
                             "caller may have no more; wait until some have ended, or cancel some",
                             service, found->second->waiting())};
  }
  if (size() >= bounds_.all) {
    return Error{
        ErrorKind::kCapacity,
        fmt::format("{} is busy: {} calls of {} callers wait for it already, and no more may, "
                    "whoever asks; try again later",
                    service, size(), parties_.size())};
  }
  return std::nullopt;
}

void CallQueue::push(std::unique_ptr<Call> call) {
  calls_[call->number] = call.get();
  const auto known = by_name_.find(call->party);
  if (known == by_name_.end()) {
    parties_.push_back({call->party, {}});
    by_name_[call->party] = std::prev(parties_.end());
  }
  Party& party = known == by_name_.end() ? parties_.back() : *known->second;
  call->ticket = party.first + party.line.size();
  party.line.push_back(std::move(call));
}

std::unique_ptr<Call> CallQueue::pop() {
  const auto served = parties_.begin();
  std::unique_ptr<Call> call = remove(served, 0);  // a line begins with no gap
  if (served->waiting() == 0) {
    forget(served);
  } else {
    parties_.splice(parties_.end(), parties_, served);
  }
  return call;
}

std::unique_ptr<Call> CallQueue::take(std::uint32_t number) {
  const auto found = calls_.find(number);
  if (found == calls_.end()) return nullptr;
  const Call& call = *found->second;
  const auto party = by_name_.at(call.party);
  std::unique_ptr<Call> taken = remove(party, call.ticket - party->first);
  if (party->waiting() == 0) forget(party);
  return taken;
}

std::vector<std::unique_ptr<Call>> CallQueue::take_all() {
  std::vector<std::unique_ptr<Call>> all;
  all.reserve(size());
  while (!empty()) all.push_back(pop());
  return all;
}

std::unique_ptr<Call> CallQueue::remove(Parties::iterator party, std::size_t index) {
  std::unique_ptr<Call> call = std::move(party->line[index]);
  calls_.erase(call->number);
  ++party->gaps;
  party->drop_leading_gaps();
  if (party->gaps > party->line.size() / 2) party->close_gaps();
  return call;
}

void CallQueue::forget(Parties::iterator party) {
  by_name_.erase(party->name);
  parties_.erase(party);
}

std::optional<std::size_t> CallQueue::position(std::uint32_t number) {
  const auto found = calls_.find(number);
  if (found == calls_.end()) return std::nullopt;
  const auto party = by_name_.at(found->second->party);
  party->close_gaps();
  return count_before(party, found->second->ticket - party->first);
}

std::size_t CallQueue::next_position(const std::string& party) const {
  const auto found = by_name_.find(party);
  if (found == by_name_.end()) return parties_.size();  // the others' turns come first
  return count_before(found->second, found->second->waiting());
}

// A call with so many of its own party before it: each other party is served as often, and once
// more if its turn comes before.
std::size_t CallQueue::count_before(Parties::const_iterator party, std::size_t own_before) const {
  std::size_t before = own_before;
  std::size_t turns = own_before + 1;
  for (auto other = parties_.begin(); other != parties_.end(); ++other) {
    if (other == party) {
      turns = own_before;
    } else {
      before += std::min(other->waiting(), turns);
    }
  }
  return before;
}

}  // namespace leanto::node
