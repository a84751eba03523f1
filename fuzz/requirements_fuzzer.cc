// What comes from users' programs: "A10G:1", "16GB", "10m". What was understood is understood the
// same when it's written out again.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/byte_size.h"
#include "base/duration.h"
#include "provider/requirements.h"

namespace {

void check_requirements(std::string_view text) {
  const auto requirements = leanto::parse_requirements(text);
  if (!requirements) return;
  if (!leanto::missing(*requirements, *requirements).empty()) std::abort();
  if (leanto::subtract(*requirements, *requirements) != leanto::Resources()) std::abort();
  if (leanto::describe(*requirements).empty()) std::abort();
}

void check_duration(std::string_view text) {
  const auto duration = leanto::parse_duration(text);
  if (duration && leanto::parse_duration(leanto::format_duration(*duration)) != *duration) {
    std::abort();
  }
}

void check_byte_size(std::string_view text) {
  const auto size = leanto::parse_byte_size(text);
  if (size && !leanto::parse_byte_size(leanto::format_byte_size(*size))) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check_requirements(text);
  check_duration(text);
  check_byte_size(text);
  return 0;
}
