// Whether a run is tried again after an attempt: plain functions, from values to values.
#pragma once

#include <optional>
#include <vector>

#include "node/run_decisions.h"
#include "store/run_record.h"
#include "wire/retry_policy.h"

namespace leanto::node {

// What a run's record says; nothing where it can't be read.
wire::RetryPolicy policy_of(const RunRecord& run);

// The steps that follow on `own`, the memory that the service asks for, in order.
std::vector<wire::MemoryStep> memory_steps(const wire::MoreMemory& more, std::uint64_t own);

// How long a queued run waits for its next attempt, in milliseconds. Not longer than its policy
// ever has it wait: the clock on the wall may have been set back since.
std::int64_t delay_of(const RunRecord& run, std::int64_t now);

struct EndedAttempt {
  const RunRecord& run;  // as it was while it ran
  const Ending& ending;
  std::uint64_t own_memory = 0;  // that its service asks for
  std::int64_t now = 0;
  double random = 0.5;  // from 0 to 1, for the delay
  // Its place couldn't be reached, or didn't take it: nothing of it was done.
  bool never_began = false;
};
// What follows; nothing if this was the last. An out-of-memory is answered with more memory if the
// policy has it, and else is an error like others. What never began goes on at the next place if
// the policy has several.
std::optional<NextAttempt> decide_next_attempt(const wire::RetryPolicy& policy,
                                               const EndedAttempt& attempt);

}  // namespace leanto::node
