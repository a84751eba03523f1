#include "cli/logs_run.h"

#include <fmt/format.h>

#include <cstdio>

#include "cli/command.h"
#include "cli/report.h"

namespace leanto::cli {

using wire::Json;
using wire::OutputStream;

namespace {

using RunLine = RunLog::Line;

std::string gap_text(std::uint64_t bytes) {
  return fmt::format("[... {} bytes of the log were left out]\n", bytes);
}

// A record of the log; a line that has no end keeps having none.
RunLine line_of(std::string_view record, LogStyle style) {
  const Json json = Json::parse(record, nullptr, false);
  if (style == LogStyle::kJson) return {OutputStream::kStdout, std::string(record) + "\n"};
  if (!json.is_object()) return {};
  if (const auto gap = wire::find_number(json, "gap"))
    return {OutputStream::kStderr, gap_text(static_cast<std::uint64_t>(*gap))};
  RunLine line;
  if (wire::find_string(json, "stream") == "stderr") line.stream = OutputStream::kStderr;
  line.text = wire::find_string(json, "text").value_or("");
  if (style != LogStyle::kTimestamps) return line;
  if (line.text.ends_with('\n')) line.text.pop_back();
  const auto time = wire::find_number(json, "time").value_or(0);
  line.text = fmt::format("{} {}\n", iso_time(static_cast<std::int64_t>(time)), line.text);
  return line;
}

void print_lines(const std::deque<RunLine>& lines, const LogSink& sink) {
  for (const RunLine& line : lines) sink(line.stream, line.text);
  std::fflush(stdout);
}

}  // namespace

Result<std::deque<RunLog::Line>> RunLog::read(int wait_seconds) {
  const Result<Reply> reply = node_.ask_again(
      {{"op", "run_logs"}, {"id", options_.run}, {"offset", offset_}, {"wait", wait_seconds}});
  if (!reply) return Failure(reply.error());
  std::deque<Line> lines;
  const auto gap = static_cast<std::uint64_t>(wire::find_number(reply->head, "gap").value_or(0));
  if (gap > 0 && options_.style != LogStyle::kJson)
    lines.push_back({OutputStream::kStderr, gap_text(gap)});
  std::string_view rest = reply->body;
  for (std::size_t end = rest.find('\n'); end != rest.npos; end = rest.find('\n')) {
    lines.push_back(line_of(rest.substr(0, end), options_.style));
    rest.remove_prefix(end + 1);
  }
  offset_ = static_cast<std::uint64_t>(wire::find_number(reply->head, "next").value_or(0));
  ended_ = wire::find_flag(reply->head, "ended", false);
  return lines;
}

int print_run_log(Connection& node, const RunLogOptions& options, const LogSink& sink) {
  RunLog log(node, options);
  std::deque<RunLine> last;
  while (true) {
    Result<std::deque<RunLine>> lines = log.read(0);
    if (!lines) return print_error(lines.error());
    if (lines->empty()) break;
    if (!options.lines) {
      print_lines(*lines, sink);
      continue;
    }
    last.insert(last.end(), lines->begin(), lines->end());
    while (last.size() > *options.lines) last.pop_front();
  }
  print_lines(last, sink);
  while (options.follow && !log.ended()) {
    const Result<std::deque<RunLine>> lines = log.read(RunLog::kWaitSeconds);
    if (!lines) return print_error(lines.error());
    print_lines(*lines, sink);
  }
  return kOk;
}

}  // namespace leanto::cli
