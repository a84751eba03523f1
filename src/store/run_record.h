// A run as a value: the durable record of a call.
//
//             room at a worker            its outcome
//   queued ────────────────────▶ running ─────────────▶ succeeded, failed, cancelled
//      ▲ └── cancelled, can't start ─│─▶ cancelled, failed
//      └──────── its policy ─────────┤
//                                    └── the node ends ─▶ lost
//
// An ended run doesn't change any more. `unknown` is what a caller says of a run whose node he
// can't reach.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace leanto {

enum class RunStatus { kQueued, kRunning, kSucceeded, kFailed, kCancelled, kUnknown, kLost };

std::string_view name_of(RunStatus status);
std::optional<RunStatus> find_run_status(std::string_view name);
bool has_ended(RunStatus status);

struct RunError {
  std::string kind;  // a name of the error table
  std::string type;  // kind "user": the exception's class
  std::string message;
  std::string traceback;

  friend bool operator==(const RunError&, const RunError&) = default;
};

// That a run shall end, though it hasn't yet.
struct RunStop {
  std::string cause;  // "cancel", "timeout"
  std::string reason;

  friend bool operator==(const RunStop&, const RunStop&) = default;
};

struct RunRecord {
  std::string id;
  std::optional<std::string> key;
  std::string service;
  std::string version;
  std::string snapshot;  // the digest of its code; empty: it's installed
  std::string image;     // the digest of its environment; empty: the interpreter's own
  std::string object;    // a live object's id; empty: the service itself
  std::string member;
  std::string head;    // of the CALL, as the worker gets it
  std::string digest;  // of the arguments
  std::string caller;  // JSON
  std::string node;
  std::optional<std::int64_t> timeout_ms;
  std::int64_t grace_ms = 10'000;
  std::string policy;           // JSON: when it's tried again; empty: never
  bool keep_arguments = false;  // also after its end
  std::string replays;          // the id of the run that this one repeats; empty: none
  RunStatus status = RunStatus::kQueued;
  std::optional<RunStop> stop;
  std::int64_t attempt = 0;                // how many starts
  std::optional<std::int64_t> not_before;  // of the next attempt
  std::optional<std::int64_t> memory;      // of the next attempt, where it's not the service's own
  std::int64_t place = 0;                  // of the next attempt, among those of its policy
  std::int64_t created_at = 0;
  std::optional<std::int64_t> started_at;
  std::optional<std::int64_t> ended_at;
  std::optional<RunError> error;
  std::string reason;  // why it ended, or doesn't, where that's not the code's own doing
  std::int64_t arguments_size = 0;
  std::int64_t answer_size = 0;
  std::int64_t log_size = 0;

  friend bool operator==(const RunRecord&, const RunRecord&) = default;
};

// How an attempt ended.
struct RunOutcome {
  RunStatus status = RunStatus::kFailed;
  std::int64_t at = 0;
  std::optional<RunError> error;
  std::string reason;
  std::int64_t log_size = 0;
  std::optional<std::int64_t> memory_peak;
  std::optional<std::int64_t> cpu_ms;
};

// Of an attempt whose node has ended, for `reason`.
RunOutcome lost_outcome(const std::string& reason, std::int64_t at);

// What follows on an attempt that is not the last.
struct NextAttempt {
  std::int64_t not_before = 0;
  std::optional<std::int64_t> memory;   // bytes, if it's another amount
  std::string reason;                   // why there is one
  std::optional<std::int64_t> place{};  // if it's another one

  friend bool operator==(const NextAttempt&, const NextAttempt&) = default;
};

enum class AnswerKind { kResult, kError };

// The frame that answered the call.
struct RunAnswer {
  AnswerKind kind = AnswerKind::kResult;
  std::string head;
  std::string bytes;

  friend bool operator==(const RunAnswer&, const RunAnswer&) = default;
};

// What an attempt holds of its node.
struct RunShare {
  std::int64_t gpus_1000 = 0;                   // a thousand for each GPU
  std::optional<std::int64_t> price_1000000{};  // for an hour; a million for 1

  friend bool operator==(const RunShare&, const RunShare&) = default;
};

struct RunFilter {
  std::string service;                // empty: all
  std::vector<RunStatus> statuses;    // empty: all
  std::optional<std::int64_t> since;  // created then or later
  std::int64_t limit = 100;
};

// What is kept of ended runs; the oldest go first.
struct RunRetention {
  std::int64_t keep_ms = std::int64_t{7} * 24 * 3600 * 1000;
  std::int64_t max_count = 100'000;
  std::int64_t max_bytes = 4'000'000'000;  // arguments, answers and logs

  friend bool operator==(const RunRetention&, const RunRetention&) = default;
};

// An ended run that is over the bounds.
struct ExpiredRun {
  std::string id;
  std::optional<std::string> key;
  std::string service;
  std::string status;
  std::int64_t ended_at = 0;
  std::int64_t size = 0;  // bytes on disk that go with it

  friend bool operator==(const ExpiredRun&, const ExpiredRun&) = default;
};

enum class KeyDecision {
  kNew,       // nobody has the key
  kSame,      // it's the same run: nothing is started
  kConflict,  // the key stands for a run with other arguments or of another version
};
// `holder` is the run that has the key of `asked`.
KeyDecision decide_key(const std::optional<RunRecord>& holder, const RunRecord& asked);

}  // namespace leanto
