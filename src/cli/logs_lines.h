// The lines of a service's stored log. One line of the file is a piece of what was written, as
// JSON:
// {"time": MS SINCE 1970, "call": NUMBER, "stream": "stdout" | "stderr", "text": TEXT}. A piece may
// hold several lines of text, and part of one; pieces of calls that overlap are mixed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "wire/output_records.h"

namespace leanto::cli {

struct LogEntry {
  std::int64_t time_ms = 0;
  std::uint32_t call = 0;  // 0: the service's own output, outside of calls
  wire::OutputStream stream = wire::OutputStream::kStdout;
  std::string text;

  friend bool operator==(const LogEntry&, const LogEntry&) = default;
};

// Nothing when the line is not such JSON, as after a disk was full.
std::optional<LogEntry> decode_log_line(std::string_view line);

// `text` without its first `count` lines.
std::string_view skip_lines(std::string_view text, std::size_t count);

// Puts pieces together to whole lines of each call and stream, with the time of a line's first
// piece.
class LineAssembler {
 public:
  // The lines, without their newline, that `entry` completes.
  std::vector<LogEntry> add(const LogEntry& entry);
  // The unfinished lines, by their time.
  std::vector<LogEntry> take_unfinished();

 private:
  std::map<std::pair<std::uint32_t, wire::OutputStream>, LogEntry> unfinished_;
};

}  // namespace leanto::cli
