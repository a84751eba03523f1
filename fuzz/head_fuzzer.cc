// A head from anybody is a bounded value or an error; what was read once is written and read again
// as the same.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "fuzzing.h"
#include "wire/head.h"

namespace {

using leanto::fuzz::expect;
using leanto::wire::Json;

std::size_t depth_of(const Json& value) {
  if (!value.is_structured()) return 0;
  std::size_t deepest = 0;
  for (const Json& item : value) deepest = std::max(deepest, depth_of(item));
  return deepest + 1;
}

// What a node does with any head that it understands.
void use(const Json& head) {
  const leanto::Error error = leanto::wire::error_from_head(head);
  const auto again = leanto::wire::decode_head(leanto::wire::encode_error(error));
  expect(again.has_value());
  expect(leanto::wire::error_from_head(*again).kind == error.kind);
  for (const auto& [key, value] : head.items()) {
    (void)leanto::wire::find_number(head, key);
    (void)leanto::wire::find_flag(head, key, true);
    expect(leanto::wire::require_string(head, key).has_value() == value.is_string());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes = leanto::fuzz::text_of(data, size);
  const auto head = leanto::wire::decode_head(bytes);
  if (!head) {
    expect(head.error().kind == leanto::ErrorKind::kProtocol);
    return 0;
  }
  expect(head->is_object());
  expect(depth_of(*head) <= leanto::wire::kMaxDepth);
  const std::string encoded = leanto::wire::encode_head(*head);
  const auto again = leanto::wire::decode_head(encoded);
  expect(again.has_value());
  expect(leanto::wire::encode_head(*again) == encoded);  // compared as bytes: NaN is no NaN's equal
  use(*head);
  return 0;
}
