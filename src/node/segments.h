// The shared segments of this node: who has which of them.
//
// A process that sends large values asks for a segment, copies into it, and uses it again when its
// reader is done (python/leanto/_segments.py). The node owns them all, so that a value outlives the
// process that wrote it, and closes those of a session that has ended: at once, or, if a value is
// still on its way to its reader, as soon as it has arrived.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/clock.h"
#include "net/loop.h"
#include "node/value_budget.h"
#include "os/segment.h"

namespace leanto::node {

class Segments {
 public:
  // A reader that takes longer than this to take a value finds it gone.
  static constexpr Duration kArrivalLimit = std::chrono::minutes(1);

  Segments(net::Loop& loop, const Clock& clock, ValueBudget& budget)
      : loop_(loop), clock_(clock), budget_(budget) {}

  struct Grant {
    std::uint64_t id = 0;
    std::string path;
    std::uint64_t inode = 0;
    std::uint64_t size = 0;
    bool on_disk = false;  // for one value; the next may find room in memory
  };
  // A segment, and the room that it has.
  struct Taken {
    ValueBudget::Room room;
    Segment segment;
  };
  // kCapacity beyond the budget: then the value goes through the socket.
  Result<Grant> make(std::uint64_t size, const std::string& session);
  // Only the session that has it may close it.
  void close(std::uint64_t id, const std::string& session);
  void end_session(const std::string& session);
  // Takes the one with this inode from its session, with what lies in it: it's the caller's from
  // now on. kNotFound.
  Result<Taken> take_over(std::uint64_t inode);

  std::size_t count() const { return owned_.size() + leaving_.size(); }

 private:
  struct Owned {
    Taken taken;
    std::string session;
  };
  struct Leaving {
    Taken taken;
    MonotonicTime until;
  };
  net::Task<> close_arrived();

  net::Loop& loop_;
  const Clock& clock_;
  ValueBudget& budget_;
  std::uint64_t last_id_ = 0;
  std::map<std::uint64_t, Owned> owned_;
  std::vector<Leaving> leaving_;  // of sessions that have ended
  bool closing_ = false;
};

}  // namespace leanto::node
