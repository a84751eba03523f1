// What comes from users' programs: "A10G:1", "16GB", "10m". What was understood is understood the
// same when it's written out again.
#include <cstdint>
#include <string_view>

#include "base/byte_size.h"
#include "base/duration.h"
#include "fuzzing.h"
#include "provider/requirements.h"

namespace {

using leanto::fuzz::expect;

void check_requirements(std::string_view text) {
  const auto requirements = leanto::parse_requirements(text);
  if (!requirements) return;
  expect(leanto::missing(*requirements, *requirements).empty());
  expect(leanto::subtract(*requirements, *requirements) == leanto::Resources());
  expect(!leanto::describe(*requirements).empty());
}

void check_duration(std::string_view text) {
  const auto duration = leanto::parse_duration(text);
  if (duration) expect(leanto::parse_duration(leanto::format_duration(*duration)) == *duration);
}

void check_byte_size(std::string_view text) {
  const auto size = leanto::parse_byte_size(text);
  if (size) expect(leanto::parse_byte_size(leanto::format_byte_size(*size)).has_value());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = leanto::fuzz::text_of(data, size);
  check_requirements(text);
  check_duration(text);
  check_byte_size(text);
  return 0;
}
