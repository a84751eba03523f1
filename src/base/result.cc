#include "base/result.h"

#include <cstring>

namespace leanto {

Failure fail_errno(ErrorKind kind, int error_number, std::string_view attempted) {
  return fail(kind, "{}: {}", attempted, std::strerror(error_number));
}

}  // namespace leanto
