// When a run is tried again, as its submission says it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "wire/head.h"

namespace leanto::wire {

// After errors: at most `attempts` in all, with delays that grow.
struct Retries {
  std::int64_t attempts = 1;
  std::vector<std::string> kinds;  // of errors: "worker_died"
  std::vector<std::string> types;  // of exceptions: one with such a class among its bases counts
  double delay = 1;                // seconds before the second attempt
  double factor = 2;               // of one delay to the next
  double max_delay = 60;
  double jitter = 0.25;         // up to this part of a delay more or less
  std::optional<double> limit;  // seconds since the submission; no attempt begins after it

  friend bool operator==(const Retries&, const Retries&) = default;
};

// After an out-of-memory: an attempt with more, which counts as no retry.
struct MoreMemory {
  std::vector<std::uint64_t> sizes;  // bytes, in order; or, if there are none:
  double factor = 2;                 // of one to the next,
  std::optional<std::uint64_t> max;  // up to this

  friend bool operator==(const MoreMemory&, const MoreMemory&) = default;
};

struct RetryPolicy {
  std::optional<Retries> retries;
  std::optional<MoreMemory> on_oom;

  friend bool operator==(const RetryPolicy&, const RetryPolicy&) = default;
};

// Reads `retries` and `on_oom` of a submission. kInvalid with what is wrong.
Result<RetryPolicy> parse_retry_policy(const Json& asked);
// The same words again; empty if the policy says nothing.
Json to_json(const RetryPolicy& policy);

}  // namespace leanto::wire
