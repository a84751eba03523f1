// The answer to "ls" as text. Its members, which `leanto ls --json` prints as they are:
//
//   services  [{name, kind: "function" | "class", version, callable, root, saved_at}]
//             `root` is the project's directory; `saved_at` in milliseconds since 1970
//   objects   [{name, kind: "live", id, class} or {name, kind: "value"}]
#pragma once

#include <string>
#include <string_view>

#include "cli/report.h"

namespace leanto::cli {

// Paths below `home` begin with "~".
std::string list_report(const wire::Json& list, std::string_view home, const Screen& screen);

}  // namespace leanto::cli
