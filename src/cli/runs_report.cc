#include "cli/runs_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "cli/command.h"
#include "cli/table.h"

namespace leanto::cli {

using wire::Json;

namespace {

constexpr std::size_t kMaxShown = 50;  // of what goes

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

std::string seconds_of(const Json& run, std::string_view key) {
  const auto seconds = wire::find_number(run, key);
  return seconds ? human_duration(*seconds) : "-";
}

std::string digest_of(const Json& run, std::string_view key) {
  const auto digest = wire::find_string(run, key);
  return digest ? digest->substr(0, 12) : "-";
}

std::string cost_of(const Json& run) {
  const auto cost = wire::find_number(run, "cost");
  return cost ? fmt::format("{:.4g}", *cost) : "-";
}

std::string arguments_of(const Json& run) {
  const bool kept = wire::find_flag(run, "keep_args", false);
  return size_of(run, "arguments_size") + (kept ? ", kept" : "");
}

// "queued, 3 before it" while it waits for a worker.
std::string status_of(const Json& run) {
  const std::string status = text_of(run, "status");
  const auto before = wire::find_number(run, "queue_position");
  return before ? fmt::format("{}, {:.0f} before it", status, *before) : status;
}

std::string waits_for(const Json& run) {
  const Json waits = run.value("waits_for", Json());
  return waits.is_object() ? text_of(waits, "text") : "";
}

void add_line(std::string& out, std::string_view title, const std::string& text) {
  if (!text.empty() && text != "-") out += fmt::format("{:<10}  {}\n", title, printable(text));
}

// Whose offers would have been taken before, one a line.
void add_path(std::string& out, const Json& run) {
  for (const Json& step : run.value("path", Json::array())) {
    const Json error = step.value("error", Json::object());
    add_line(out, "not on",
             fmt::format("{}: {}", text_of(step, "node"), text_of(error, "message")));
  }
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
    table.add({text_of(run, "id"), status_of(run), callable_of(run), text_of(run, "key"),
               time_of(run, "created_at"), took(run, now)});
  }
  return table.render(screen);
}

std::string prune_runs_report(const Json& answer, const Screen& screen) {
  const std::vector<Json> runs = rows_of(answer, "runs");
  if (runs.empty()) return "No run can go: all that have ended are within the bounds.\n";
  Table table({{"RUN", Shrink::kNever},
               {"STATUS", Shrink::kNever},
               {"SERVICE"},
               {"KEY"},
               {"ENDED", Shrink::kLast},
               number_column("SIZE")});
  for (const Json& run : std::span(runs).first(std::min(runs.size(), kMaxShown))) {
    table.add({text_of(run, "id"), text_of(run, "status"), text_of(run, "service"),
               text_of(run, "key"), time_of(run, "ended_at"), size_of(run, "size")});
  }
  std::string out = table.render(screen);
  if (runs.size() > kMaxShown)
    out += fmt::format("... and {} more (--json has them all)\n", runs.size() - kMaxShown);
  const bool preview = wire::find_flag(answer, "dry_run", false);
  return out + fmt::format("{}, {}: {}\n", counted(static_cast<double>(runs.size()), "run"),
                           size_of(answer, "size"), preview ? "would be forgotten" : "forgotten");
}

std::string run_report(const Json& run, std::int64_t now) {
  std::string out;
  add_line(out, "run", text_of(run, "id"));
  add_line(out, "status", status_of(run));
  add_line(out, "waits for", waits_for(run));
  add_line(out, "reason", text_of(run, "reason"));
  add_line(out, "key", text_of(run, "key"));
  add_line(out, "replays", text_of(run, "replays"));
  add_line(out, "service", callable_of(run) + "@" + short_version(text_of(run, "version")));
  add_line(out, "snapshot", digest_of(run, "snapshot"));
  add_line(out, "image", digest_of(run, "image"));
  add_line(out, "object", text_of(run, "object"));
  add_line(out, "caller", caller_of(run));
  add_line(out, "node", text_of(run, "node"));
  add_path(out, run);
  add_line(out, "attempt", number_of(run, "attempt"));
  add_line(out, "submitted", time_of(run, "created_at"));
  add_line(out, "started", time_of(run, "started_at"));
  add_line(out, "ended", time_of(run, "ended_at"));
  add_line(out, "waited for", seconds_of(run, "queue_time"));
  add_line(out, "ran for", took(run, now));
  add_line(out, "cpu time", seconds_of(run, "cpu_time"));
  add_line(out, "gpu time",
           wire::find_number(run, "gpu_time").value_or(0) > 0 ? seconds_of(run, "gpu_time") : "-");
  add_line(out, "memory",
           wire::find_number(run, "memory_peak") ? size_of(run, "memory_peak") : "-");
  add_line(out, "cost", cost_of(run));
  add_line(out, "arguments", arguments_of(run));
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
