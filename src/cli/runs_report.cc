#include "cli/runs_report.h"

#include <fmt/format.h>

#include "cli/command.h"
#include "cli/table.h"

namespace leanto::cli {

using wire::Json;

namespace {

constexpr std::string_view kNothing =
    "No runs. One is made in Python:\n"
    "  run = lt.function(f).to(lt.here).submit(x)\n";

std::optional<std::int64_t> find_ms(const Json& run, std::string_view key) {
  const auto ms = wire::find_number(run, key);
  return ms ? std::optional(static_cast<std::int64_t>(*ms)) : std::nullopt;
}

std::string time_of(const Json& run, std::string_view key) {
  const auto ms = find_ms(run, key);
  return ms ? human_time(*ms) : "-";
}

// How long it has run, or waited if it never began.
std::string took(const Json& run, std::int64_t now) {
  const auto begin = find_ms(run, "started_at");
  if (!begin) return "-";
  const std::int64_t end = find_ms(run, "ended_at").value_or(now);
  return human_duration(static_cast<double>(end - *begin) / 1000);
}

std::string callable_of(const Json& run) {
  std::string name = text_of(run, "service");
  if (const auto member = wire::find_string(run, "member")) name += "." + *member;
  return name;
}

std::string caller_of(const Json& run) {
  const Json caller = run.value("caller", Json::object());
  return fmt::format("{}@{}, process {}", text_of(caller, "user"), text_of(caller, "host"),
                     number_of(caller, "pid"));
}

void add_line(std::string& out, std::string_view title, const std::string& text) {
  if (!text.empty() && text != "-") out += fmt::format("{:<10}  {}\n", title, printable(text));
}

}  // namespace

std::string runs_report(const std::vector<Json>& runs, std::int64_t now, const Screen& screen) {
  if (runs.empty()) return std::string(kNothing);
  Table table({{"RUN", Shrink::kNever},
               {"STATUS", Shrink::kNever},
               {"SERVICE"},
               {"KEY"},
               {"SUBMITTED", Shrink::kLast},
               number_column("RAN FOR")});
  for (const Json& run : runs) {
    table.add({text_of(run, "id"), text_of(run, "status"), callable_of(run), text_of(run, "key"),
               time_of(run, "created_at"), took(run, now)});
  }
  return table.render(screen);
}

std::string run_report(const Json& run, std::int64_t now) {
  std::string out;
  add_line(out, "run", text_of(run, "id"));
  add_line(out, "status", text_of(run, "status"));
  add_line(out, "reason", text_of(run, "reason"));
  add_line(out, "key", text_of(run, "key"));
  add_line(out, "service", callable_of(run) + "@" + short_version(text_of(run, "version")));
  add_line(out, "object", text_of(run, "object"));
  add_line(out, "caller", caller_of(run));
  add_line(out, "node", text_of(run, "node"));
  add_line(out, "attempt", number_of(run, "attempt"));
  add_line(out, "submitted", time_of(run, "created_at"));
  add_line(out, "started", time_of(run, "started_at"));
  add_line(out, "ended", time_of(run, "ended_at"));
  add_line(out, "ran for", took(run, now));
  add_line(out, "result", size_of(run, "result_size"));
  add_line(out, "log", size_of(run, "log_size"));
  const Json error = run.value("error", Json());
  if (!error.is_object()) return out;
  const std::string type = wire::find_string(error, "type").value_or("");
  add_line(out, "error",
           (type.empty() ? text_of(error, "kind") : type) + ": " + text_of(error, "message"));
  const std::string traceback = wire::find_string(error, "traceback").value_or("");
  return traceback.empty() ? out : out + "\n" + traceback + "\n";
}

int exit_code_of(std::string_view status) {
  if (status == "succeeded") return kOk;
  if (status == "cancelled") return kCancelled;
  if (status == "lost") return kLost;
  return kFailed;
}

}  // namespace leanto::cli
