// A value or the reason why there is none. The caller handles it on the next lines.
#pragma once

#include <fmt/format.h>

#include <tl/expected.hpp>

#include "base/error.h"

namespace leanto {

template <typename T>
using Result = tl::expected<T, Error>;
using Status = Result<void>;
using Failure = tl::unexpected<Error>;

// Builds the error side of a Result: `return fail(ErrorKind::kNotFound, "no service {}", name);`
template <typename... Args>
Failure fail(ErrorKind kind, fmt::format_string<Args...> format, Args&&... args) {
  return Failure(Error{kind, fmt::format(format, std::forward<Args>(args)...)});
}

// The same with the text of `errno` at the end: "open x: No such file or directory".
Failure fail_errno(ErrorKind kind, int error_number, std::string_view attempted);

}  // namespace leanto
