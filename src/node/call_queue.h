// The calls that wait for a worker of one target, fair by who asks.
//
// A *party* is who asks: a program (its session), or a token over HTTP. Parties are served in turn,
// one call each, and the calls of one party in the order in which they came; so who has queued ten
// thousand delays another one's only call by one. Pushing, taking and popping take the same time
// however many wait.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "node/call.h"

namespace leanto::node {

// How many may wait. That of one party is the lower one, so that it leaves room to others.
struct QueueBounds {
  std::size_t party = 100'000;
  std::size_t all = 200'000;
};

class CallQueue {
 public:
  explicit CallQueue(QueueBounds bounds = {}) : bounds_(bounds) {}

  bool empty() const { return calls_.empty(); }
  std::size_t size() const { return calls_.size(); }

  // kCapacity if that party may not have one more call waiting for `service`.
  std::optional<Error> refuse(const std::string& party, const std::string& service) const;
  // Its party is `Call::party`. Two calls have two numbers.
  void push(std::unique_ptr<Call> call);
  // The next one to be served; not of an empty queue.
  std::unique_ptr<Call> pop();
  // None if it doesn't wait here.
  std::unique_ptr<Call> take(std::uint32_t number);
  // In the order in which they would have been served.
  std::vector<std::unique_ptr<Call>> take_all();

  // How many would be served before it, as things are; none if it doesn't wait here.
  std::optional<std::size_t> position(std::uint32_t number);
  // The position of the next call of that party, if it came now.
  std::size_t next_position(const std::string& party) const;
  // Whose turn is next; empty if nobody waits.
  std::string next_party() const { return parties_.empty() ? "" : parties_.front().name; }

 private:
  // Who was taken from the middle leaves a gap: to close it is put off until somebody asks for a
  // position, or half of the line are gaps.
  struct Party {
    std::string name;
    std::deque<std::unique_ptr<Call>> line;
    std::uint64_t first = 0;  // the ticket of the first in the line
    std::size_t gaps = 0;

    std::size_t waiting() const { return line.size() - gaps; }
    void drop_leading_gaps();
    void close_gaps();
  };
  using Parties = std::list<Party>;

  std::unique_ptr<Call> remove(Parties::iterator party, std::size_t index);
  void forget(Parties::iterator party);
  std::size_t count_before(Parties::const_iterator party, std::size_t own_before) const;

  const QueueBounds bounds_;
  Parties parties_;  // each has a call; the first one's turn is next
  std::unordered_map<std::string, Parties::iterator> by_name_;
  std::unordered_map<std::uint32_t, Call*> calls_;  // by number
};

}  // namespace leanto::node
