#include "wire/call.h"

#include <array>
#include <cmath>
#include <utility>

#include "wire/head.h"

namespace leanto::wire {

namespace {

constexpr std::array<std::pair<std::string_view, TargetKind>, 3> kTargets{{
    {"v", TargetKind::kVersion},
    {"n", TargetKind::kName},
    {"o", TargetKind::kObject},
}};

constexpr std::array<std::pair<std::string_view, How>, 6> kHows{{
    {"call", How::kCall},
    {"get", How::kGet},
    {"set", How::kSet},
    {"del", How::kDelete},
    {"new", How::kNew},
    {"describe", How::kDescribe},
}};

Result<How> parse_how(const Json& head) {
  const std::string name = find_string(head, "how").value_or("call");
  for (const auto& [word, how] : kHows) {
    if (word == name) return how;
  }
  return fail(ErrorKind::kInvalid, "a call cannot be made in the way '{}'", name);
}

Status parse_target(const Json& head, CallHead& call) {
  for (const auto& [key, kind] : kTargets) {
    if (std::optional<std::string> target = find_string(head, key)) {
      call.target_kind = kind;
      call.target = *std::move(target);
      return {};
    }
  }
  return fail(ErrorKind::kInvalid, "a call names no service and no object");
}

Status parse_data(const Json& head, CallHead& call) {
  const std::optional<std::string> data = find_string(head, "data");
  if (!data) return {};
  if (*data != "json") {
    return fail(ErrorKind::kInvalid, "arguments cannot be '{}'; say \"json\", or nothing: pickled",
                *data);
  }
  call.data = Data::kJson;
  return {};
}

Status parse_timeout(const Json& head, CallHead& call) {
  call.timeout_seconds = find_number(head, "timeout");
  if (call.timeout_seconds && !(*call.timeout_seconds > 0 && *call.timeout_seconds < 1e9)) {
    return fail(ErrorKind::kInvalid,
                "a timeout of {} seconds makes no sense; give a positive number",
                *call.timeout_seconds);
  }
  return {};
}

Status parse_max_queue(const Json& head, CallHead& call) {
  const auto said = head.find("max_queue");
  if (said == head.end() || said->is_null()) return {};
  if (!said->is_number_unsigned() || said->get<std::uint64_t>() > kMaxMaxQueue) {
    return fail(ErrorKind::kInvalid,
                "max_queue is how many calls may wait with this one: a whole number from 0 (none: "
                "it runs now or fails) to {}",
                kMaxMaxQueue);
  }
  call.max_queue = said->get<std::uint32_t>();
  return {};
}

}  // namespace

Result<CallHead> parse_call_head(std::string_view bytes) {
  const Result<Json> head = decode_head(bytes);
  if (!head) return Failure(head.error());
  CallHead call;
  if (Status status = parse_target(*head, call); !status) return Failure(status.error());
  if (Status status = parse_timeout(*head, call); !status) return Failure(status.error());
  if (Status status = parse_max_queue(*head, call); !status) return Failure(status.error());
  if (find_string(*head, "key")) {
    return fail(ErrorKind::kInvalid,
                "a key names a run, and a plain call leaves none: use .submit(...) with it");
  }
  if (head->find("file") != head->end()) {
    return fail(ErrorKind::kInvalid, "'file' is what a node says to its worker, and nobody else");
  }
  if (Status status = parse_data(*head, call); !status) return Failure(status.error());
  const Result<How> how = parse_how(*head);
  if (!how) return Failure(how.error());
  call.how = *how;
  call.member = find_string(*head, "m").value_or("");
  call.stream_logs = find_flag(*head, "log", true);
  call.object_name = find_string(*head, "name").value_or("");
  call.get_if_exists = find_flag(*head, "get_if_exists", false);
  call.has_segment = head->find("seg") != head->end();
  call.has_buffers = call.has_segment || head->find("b") != head->end();
  call.keep_result = find_flag(*head, "keep", false);
  if (const auto parent = head->find("p"); parent != head->end() && parent->is_number_unsigned()) {
    const auto number = parent->get<std::uint64_t>();
    if (std::in_range<std::uint32_t>(number)) call.parent = static_cast<std::uint32_t>(number);
  }
  return call;
}

std::string encode_call_head(const CallHead& call) {
  Json head = Json::object();
  for (const auto& [key, kind] : kTargets) {
    if (kind == call.target_kind) head[key] = call.target;
  }
  if (!call.member.empty()) head["m"] = call.member;
  for (const auto& [word, how] : kHows) {
    if (how == call.how && how != How::kCall) head["how"] = word;
  }
  if (call.data == Data::kJson) head["data"] = "json";
  if (!call.stream_logs) head["log"] = false;
  if (call.timeout_seconds) head["timeout"] = *call.timeout_seconds;
  if (call.max_queue) head["max_queue"] = *call.max_queue;
  if (call.keep_result) head["keep"] = true;
  if (call.parent != 0) head["p"] = call.parent;
  if (!call.object_name.empty()) head["name"] = call.object_name;
  if (call.get_if_exists) head["get_if_exists"] = true;
  return encode_head(head);
}

}  // namespace leanto::wire
