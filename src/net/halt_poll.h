// How long a loop looks for the next event before it sleeps, if it has been told that one comes
// soon.
//
// To wake a thread that sleeps on an idle core costs more than a short call's work. So a loop that
// has a core to itself does better to look again for a moment; and one that looked in vain does
// better to leave that for a while. The same is done by virtual machines, from where the name is
// (halt polling; Linux, Documentation/virt/kvm/halt-polling.rst).
#pragma once

#include <chrono>

#include "base/clock.h"

namespace leanto::net {

class HaltPoll {
 public:
  // With one core, whoever would be waited for could not run.
  explicit HaltPoll(unsigned cores) : cores_(cores) {}

  // Says that as many others as this are at work, one of which will soon say something.
  void expect(unsigned others) { wanted_ = others < cores_; }

  // How long to look now; zero: sleep at once. Forgets what was expected.
  Duration take();
  void found() { misses_ = 0; }
  void found_nothing();

  static constexpr Duration kLongest = std::chrono::microseconds(50);

 private:
  unsigned cores_;
  bool wanted_ = false;
  unsigned misses_ = 0;  // in a row
  unsigned skip_ = 0;    // so many times it isn't tried
};

}  // namespace leanto::net
