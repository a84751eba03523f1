// An event that tasks of one loop wait for: set once, seen by all, with a limit on each wait.
#pragma once

#include <boost/asio/steady_timer.hpp>

#include "net/loop.h"

namespace leanto::net {

enum class Waited { kHappened, kTimedOut };

class Event {
 public:
  explicit Event(Loop& loop) : timer_(loop.context(), Timer::time_point::max()), loop_(loop) {}

  void set() {
    happened_ = true;
    timer_.cancel();
  }
  bool is_set() const { return happened_; }

  // The event must outlive the wait.
  Task<Waited> wait(Duration limit);
  Task<> wait();

 private:
  using Timer = boost::asio::steady_timer;
  Timer timer_;  // never fires by itself: cancelling it wakes all that wait
  Loop& loop_;
  bool happened_ = false;
};

}  // namespace leanto::net
