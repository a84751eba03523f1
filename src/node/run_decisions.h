// What a node decides about runs: plain functions, from values to values.
#pragma once

#include <optional>
#include <string>

#include "base/clock.h"
#include "base/error.h"
#include "store/run_record.h"
#include "wire/head.h"

namespace leanto::node {

// A run that shall end: it's interrupted at once, terminated after its grace, and killed if that
// doesn't help. Its worker's process group is only touched once it serves no other call.
enum class StopCause { kCancel, kTimeout };

struct Stopping {
  StopCause cause = StopCause::kCancel;
  std::string reason;
  MonotonicTime asked;
  Duration grace{};
  bool interrupted = false;
  std::optional<MonotonicTime> terminated{};
  bool killed = false;
};

// As it's on record, and from there: the grace begins anew.
RunStop record_of(const Stopping& stopping);
std::optional<Stopping> stopping_of(const RunRecord& run, MonotonicTime now);

enum class StopStep {
  kWait,
  kLeaveAlone,  // other calls run in its worker: that gets no more, and is looked at again
  kTerminate,
  kKill,
};

struct StopDecision {
  StopStep step = StopStep::kWait;
  Duration look_again{};

  friend bool operator==(const StopDecision&, const StopDecision&) = default;
};

inline constexpr Duration kKillAfter = std::chrono::seconds(5);
inline constexpr Duration kLookAgain = std::chrono::seconds(1);

StopDecision decide_stop(const Stopping& stopping, int other_calls, MonotonicTime now);

struct Ending {
  RunOutcome outcome;
  RunAnswer answer;
};

// What came of a run, from the frame that answered its call.
Ending decide_ending(RunAnswer answer, const std::optional<Stopping>& stopping,
                     std::uint64_t max_bytes);
// Of a run that was stopped.
Ending stopped_ending(const Stopping& stopping);
// The same for a run that ends with an error of ours.
Ending failed_ending(const Error& error);
// Nobody knows how it ended.
Ending lost_ending(const std::string& reason, std::int64_t at);

Error key_conflict(const RunRecord& holder, const RunRecord& asked);

// Whether the age of what is on record can be believed. Not for a day after the wall clock was set
// forward by more than an hour (by somebody's mistake, or on a machine that starts in 1970): what
// is young would be forgotten as old.
class AgeTrust {
 public:
  explicit AgeTrust(const Clock& clock);

  // To be called now and then.
  bool is_given(const Clock& clock);

 private:
  WallTime wall_;
  MonotonicTime monotonic_;
  MonotonicTime from_;
};

}  // namespace leanto::node
