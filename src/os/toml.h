// TOML by toml++, with what has to be known about it.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"

// toml++ 3.3 asserts what a text like "[\n" violates and then handles it correctly all the same:
// the assertions go, and with them what NDEBUG makes of them (promises to the optimizer).
#pragma push_macro("NDEBUG")
#undef NDEBUG
#define TOML_ASSERT(expression) static_cast<void>(0)
#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>
#pragma pop_macro("NDEBUG")

namespace leanto {

// A value in a file, for what is said of it: "FILE, line 3: KEY ...".
struct TomlPlace {
  const std::string& path;
  std::string key;
  const toml::node& node;

  template <typename... Args>
  Failure wrong(fmt::format_string<Args...> format, Args&&... args) const {
    return fail(ErrorKind::kInvalid, "{}, line {}: {} {}", path, node.source().begin.line, key,
                fmt::format(format, std::forward<Args>(args)...));
  }
};

// toml++ 3.3 runs into undefined behaviour on letters like "ä" outside of strings and comments. No
// key and no value here has any, so each of their bytes becomes a "?": the lines and columns stay,
// a comment stays one, and everywhere else it's an error.
std::string with_ascii_only(std::string_view text);

}  // namespace leanto
