// The head of a CALL: whom, which member, and how.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace leanto::wire {

enum class TargetKind { kVersion, kName, kObject };
enum class How { kCall, kGet, kSet, kDelete, kNew, kDescribe };
// What arguments and results are.
enum class Data { kPickle, kJson };

inline constexpr std::uint32_t kMaxMaxQueue = 1'000'000;

struct CallHead {
  TargetKind target_kind = TargetKind::kName;
  std::string target;
  std::string member;  // empty: the callable itself
  How how = How::kCall;
  Data data = Data::kPickle;
  bool stream_logs = true;
  std::optional<double> timeout_seconds;
  std::optional<std::uint32_t> max_queue;  // it takes one of so many first places in the queue
  std::uint32_t parent = 0;                // the call that makes this one; 0: none
  // It says where the arguments' large buffers are, so that no other call has the same head.
  bool has_buffers = false;
  bool has_segment = false;  // they are in shared memory of this machine
  bool keep_result = false;  // the value stays on the node, and the answer names it
  // How::kNew only:
  std::string object_name;  // empty: it lives as long as its creator's session
  bool get_if_exists = false;

  friend bool operator==(const CallHead&, const CallHead&) = default;
};

Result<CallHead> parse_call_head(std::string_view bytes);
std::string encode_call_head(const CallHead& head);

}  // namespace leanto::wire
