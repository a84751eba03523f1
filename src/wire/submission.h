// What `submit` asks for: a call that becomes a run.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "wire/call.h"
#include "wire/head.h"
#include "wire/retry_policy.h"

namespace leanto::wire {

// What to do when a run's key stands for another run.
enum class OnConflict { kError, kReplace };

struct Submission {
  CallHead call;
  Json head;  // what its worker gets, without what is the node's business
  std::string key;
  OnConflict on_conflict = OnConflict::kError;
  double grace_seconds = 10;
  RetryPolicy policy;
  std::optional<bool> keep_arguments;   // absent: as the service says
  std::optional<std::uint64_t> memory;  // bytes for its worker, if not those of its service
  std::string replays;                  // the id of the run that it repeats, also of another node
};

inline constexpr std::size_t kMaxRunKey = 512;

// `call` has the keys of a CALL's head, and `key`, `on_conflict`, `grace`, `retries`, `on_oom`,
// `places`, `memory`, `keep_args` and `replays`.
Result<Submission> parse_submission(const Json& call);

}  // namespace leanto::wire
