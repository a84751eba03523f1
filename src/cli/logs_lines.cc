#include "cli/logs_lines.h"

#include <algorithm>

#include "wire/head.h"

namespace leanto::cli {

using wire::Json;
using wire::OutputStream;

std::optional<LogEntry> decode_log_line(std::string_view line) {
  const Json json = Json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return std::nullopt;
  const auto time = json.find("time");
  const auto call = json.find("call");
  std::optional<std::string> text = wire::find_string(json, "text");
  if (!text || time == json.end() || !time->is_number_integer()) return std::nullopt;
  if (call == json.end() || !call->is_number_unsigned()) return std::nullopt;
  const bool is_error = wire::find_string(json, "stream") == "stderr";
  return LogEntry{time->get<std::int64_t>(), call->get<std::uint32_t>(),
                  is_error ? OutputStream::kStderr : OutputStream::kStdout, *std::move(text)};
}

std::string_view skip_lines(std::string_view text, std::size_t count) {
  for (; count > 0; --count) {
    const std::size_t newline = text.find('\n');
    if (newline == std::string_view::npos) return {};
    text.remove_prefix(newline + 1);
  }
  return text;
}

std::vector<LogEntry> LineAssembler::add(const LogEntry& entry) {
  std::vector<LogEntry> complete;
  const std::pair key(entry.call, entry.stream);
  for (std::string_view rest = entry.text; !rest.empty();) {
    const std::size_t newline = rest.find('\n');
    LogEntry& line =
        unfinished_.try_emplace(key, LogEntry{entry.time_ms, entry.call, entry.stream, ""})
            .first->second;
    line.text += rest.substr(0, newline);
    if (newline == std::string_view::npos) break;
    complete.push_back(std::move(line));
    unfinished_.erase(key);
    rest.remove_prefix(newline + 1);
  }
  return complete;
}

std::vector<LogEntry> LineAssembler::take_unfinished() {
  std::vector<LogEntry> lines;
  for (auto& [key, line] : unfinished_) lines.push_back(std::move(line));
  unfinished_.clear();
  auto earlier = [](const LogEntry& a, const LogEntry& b) { return a.time_ms < b.time_ms; };
  std::stable_sort(lines.begin(), lines.end(), earlier);
  return lines;
}

}  // namespace leanto::cli
