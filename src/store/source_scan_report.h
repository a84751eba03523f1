// What to tell somebody whose source tree cannot travel: which files, why, and the way out.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "store/source_scan.h"

namespace leanto {

// A path as text: bytes that are not printable UTF-8 become \xNN.
std::string shown_path(std::string_view path);

// Null if the link leads to something within the root, or to nothing there.
std::optional<std::string> why_link_cannot_travel(SourceScan& scan, const std::string& path);

// `problems` by path from the root: at least one.
std::string problem_report(SourceScan& scan, const std::map<std::string, std::string>& problems);

// Names the five largest directories or files, by bytes or by their number, whichever is over its
// limit.
std::string limit_report(SourceScan& scan, std::uint64_t files, std::uint64_t bytes);

}  // namespace leanto
