#include "cli/logs_print.h"

#include <fmt/format.h>

#include <optional>
#include <string>
#include <utility>

#include "cli/report.h"

namespace leanto::cli {

using wire::OutputStream;

TextOf text_of_lines(LogStyle style) {
  if (style == LogStyle::kPlain)
    return [](std::string_view line) { return std::string(line) + "\n"; };
  return [](std::string_view line) {
    std::optional<LogEntry> entry = decode_log_line(line);
    return entry ? std::move(entry->text) : std::string();
  };
}

void LogPrinter::print(std::string_view file_lines, std::size_t skip) {
  while (!file_lines.empty()) {
    const std::size_t newline = file_lines.find('\n');
    print_line(file_lines.substr(0, newline), std::exchange(skip, 0));
    file_lines.remove_prefix(newline == std::string_view::npos ? file_lines.size() : newline + 1);
  }
}

void LogPrinter::print_line(std::string_view line, std::size_t skip) {
  if (style_ == LogStyle::kPlain) {
    if (skip == 0) sink_(OutputStream::kStdout, std::string(line) + "\n");
    return;
  }
  std::optional<LogEntry> entry = decode_log_line(line);
  if (!entry) {
    ++damaged_;
    return;
  }
  entry->text.erase(0, entry->text.size() - skip_lines(entry->text, skip).size());
  if (!entry->text.empty()) print_entry(line, *std::move(entry));
}

void LogPrinter::print_entry(std::string_view line, LogEntry entry) {
  if (style_ == LogStyle::kJson) {
    sink_(OutputStream::kStdout, std::string(line) + "\n");
  } else if (style_ == LogStyle::kText) {
    sink_(entry.stream, entry.text);
  } else {
    for (const LogEntry& whole : assembler_.add(entry)) print_with_time(whole);
  }
}

void LogPrinter::print_with_time(const LogEntry& line) {
  const std::string call = line.call == 0 ? "-" : fmt::format("#{}", line.call);
  sink_(line.stream, fmt::format("{} {} {}\n", iso_time(line.time_ms), call, line.text));
}

void LogPrinter::finish() {
  for (const LogEntry& line : assembler_.take_unfinished()) print_with_time(line);
}

}  // namespace leanto::cli
