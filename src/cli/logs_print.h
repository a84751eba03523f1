// Shows the lines of a log file in one of several ways.
#pragma once

#include <cstddef>
#include <functional>
#include <string_view>

#include "cli/logs_lines.h"
#include "cli/logs_start.h"

namespace leanto::cli {

enum class LogStyle {
  kText,        // of a service: the text as it was written, each stream to its own
  kTimestamps,  // of a service: whole lines, each behind its time and its call's number
  kJson,        // of a service: the file's lines as they are
  kPlain,       // of the node: a file of text
};

TextOf text_of_lines(LogStyle style);

using LogSink = std::function<void(wire::OutputStream, std::string_view)>;

class LogPrinter {
 public:
  LogPrinter(LogStyle style, LogSink sink) : style_(style), sink_(std::move(sink)) {}

  // Whole lines of the file, without the first `skip` lines of the text that they stand for.
  void print(std::string_view file_lines, std::size_t skip);
  // What waited for the end of its line.
  void finish();

  std::size_t damaged() const { return damaged_; }  // lines of the file that could not be read

 private:
  void print_line(std::string_view line, std::size_t skip);
  void print_entry(std::string_view line, LogEntry entry);
  void print_with_time(const LogEntry& line);

  LogStyle style_;
  LogSink sink_;
  LineAssembler assembler_;
  std::size_t damaged_ = 0;
};

}  // namespace leanto::cli
