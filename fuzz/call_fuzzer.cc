// The head of a CALL from anybody is an error or a call that makes sense, and comes back as it was.
#include <cstdint>
#include <string_view>

#include "fuzzing.h"
#include "wire/call.h"

using leanto::fuzz::expect;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes = leanto::fuzz::text_of(data, size);
  const auto call = leanto::wire::parse_call_head(bytes);
  if (!call) {
    expect(!call.error().message.empty());
    return 0;
  }
  if (call->timeout_seconds) expect(*call->timeout_seconds > 0 && *call->timeout_seconds < 1e9);
  expect(call->max_queue.value_or(0) <= leanto::wire::kMaxMaxQueue);
  const auto again = leanto::wire::parse_call_head(leanto::wire::encode_call_head(*call));
  expect(again.has_value());
  leanto::wire::CallHead written = *call;
  written.has_buffers = false;  // where they are isn't kept
  expect(*again == written);
  return 0;
}
