// When a run is tried again, and where, as its submission says it.
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
  std::size_t places = 1;       // so many of the policy's take turns, from its first on

  friend bool operator==(const Retries&, const Retries&) = default;
};

// So much memory, and, if it's said, at another of the policy's places.
struct MemoryStep {
  std::uint64_t bytes = 0;
  std::optional<std::size_t> place{};

  friend bool operator==(const MemoryStep&, const MemoryStep&) = default;
};

// After an out-of-memory: an attempt with more, which counts as no retry.
struct MoreMemory {
  std::vector<MemoryStep> sizes;     // in order; or, if there are none:
  double factor = 2;                 // of one to the next,
  std::optional<std::uint64_t> max;  // up to this

  friend bool operator==(const MoreMemory&, const MoreMemory&) = default;
};

// Where attempts may be made: the same code on some node.
struct Place {
  std::string node;  // its name at the node that keeps the run; empty: that one itself
  std::string service;
  std::string version;
  std::uint64_t memory = 0;  // bytes that the service there asks for
  Json call;                 // the head of a CALL there

  friend bool operator==(const Place&, const Place&) = default;
};

struct RetryPolicy {
  std::optional<Retries> retries;
  std::optional<MoreMemory> on_oom;
  std::vector<Place> places;  // the first attempt is made at the first; none: at this node

  friend bool operator==(const RetryPolicy&, const RetryPolicy&) = default;
};

inline constexpr std::size_t kMaxPlaces = 64;

// Reads `retries`, `on_oom` and `places` of a submission. kInvalid with what is wrong.
Result<RetryPolicy> parse_retry_policy(const Json& asked);
// The same words again; empty if the policy says nothing.
Json to_json(const RetryPolicy& policy);

}  // namespace leanto::wire
