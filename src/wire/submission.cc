#include "wire/submission.h"

#include "base/run_id.h"

namespace leanto::wire {

namespace {

Status parse_on_conflict(const Json& call, Submission& submission) {
  const std::string word = find_string(call, "on_conflict").value_or("error");
  if (word == "error") return {};
  if (word != "replace") {
    return fail(ErrorKind::kInvalid, "on_conflict is 'error' or 'replace', not '{}'", word);
  }
  submission.on_conflict = OnConflict::kReplace;
  return {};
}

Status parse_grace(const Json& call, Submission& submission) {
  submission.grace_seconds = find_number(call, "grace").value_or(submission.grace_seconds);
  if (submission.grace_seconds >= 0 && submission.grace_seconds < 1e9) return {};
  return fail(ErrorKind::kInvalid, "a grace of {} seconds makes no sense; give 0 or more",
              submission.grace_seconds);
}

Status parse_keep_arguments(const Json& call, Submission& submission) {
  const auto keep = call.find("keep_args");
  if (keep == call.end()) return {};
  if (!keep->is_boolean()) return fail(ErrorKind::kInvalid, "keep_args is true or false");
  submission.keep_arguments = keep->get<bool>();
  return {};
}

Status parse_memory(const Json& call, Submission& submission) {
  const auto memory = call.find("memory");
  if (memory == call.end()) return {};
  if (!memory->is_number_unsigned())
    return fail(ErrorKind::kInvalid, "memory is a number of bytes");
  submission.memory = memory->get<std::uint64_t>();
  return {};
}

// A live object is where it is.
Status check_places(const CallHead& call, const RetryPolicy& policy) {
  if (policy.places.empty() || call.target_kind != TargetKind::kObject) return {};
  return fail(ErrorKind::kInvalid,
              "a method of a live object can't be tried again on another node: its state is where "
              "it is; give places to functions");
}

}  // namespace

Result<Submission> parse_submission(const Json& asked) {
  if (!asked.is_object()) return fail(ErrorKind::kInvalid, "a submission lacks its call");
  Submission submission;
  submission.key = find_string(asked, "key").value_or("");
  if (submission.key.size() > kMaxRunKey) {
    return fail(ErrorKind::kInvalid, "a key of {} bytes is over the limit of {}",
                submission.key.size(), kMaxRunKey);
  }
  if (Status parsed = parse_on_conflict(asked, submission); !parsed) return Failure(parsed.error());
  if (Status parsed = parse_grace(asked, submission); !parsed) return Failure(parsed.error());
  if (Status parsed = parse_keep_arguments(asked, submission); !parsed)
    return Failure(parsed.error());
  if (Status parsed = parse_memory(asked, submission); !parsed) return Failure(parsed.error());
  submission.replays = find_string(asked, "replays").value_or("");
  if (!submission.replays.empty() && !is_run_id(submission.replays))
    return fail(ErrorKind::kInvalid, "what it replays is not the id of a run: '{}'",
                submission.replays.substr(0, 100));
  Result<RetryPolicy> policy = parse_retry_policy(asked);
  if (!policy) return Failure(policy.error());
  submission.policy = *std::move(policy);
  if (asked.contains("seg") || find_flag(asked, "keep", false)) {
    return fail(ErrorKind::kInvalid,
                "a run's arguments and its value go on record: they come in the body");
  }
  Json head = asked;
  for (const char* ours : {"key", "on_conflict", "grace", "retries", "on_oom", "places", "memory",
                           "keep_args", "replays", "log", "p", "left"})
    head.erase(ours);
  const Result<CallHead> call = parse_call_head(encode_head(head));
  if (!call) return Failure(call.error());
  if (call->how != How::kCall) {
    return fail(ErrorKind::kInvalid,
                "functions and methods can be submitted; an instance is made, and an attribute "
                "read or written, by a plain call");
  }
  if (Status checked = check_places(*call, submission.policy); !checked)
    return Failure(checked.error());
  submission.call = *call;
  head.erase("timeout");
  head.erase("max_queue");
  submission.head = std::move(head);
  return submission;
}

}  // namespace leanto::wire
