#include "cli/restart_report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>

#include "cli/objects_report.h"
#include "cli/table_text.h"

namespace leanto::cli {

using wire::Json;

namespace {

double number(const Json& row, std::string_view key) {
  return wire::find_number(row, key).value_or(0);
}

std::vector<std::string> pids_of(const Json& row) {
  std::vector<std::string> pids;
  for (const Json& pid : row.value("workers", Json::array()))
    if (pid.is_number_integer()) pids.push_back(fmt::format("{}", pid.get<std::int64_t>()));
  return pids;
}

std::string line_of(const Json& row) {
  const std::vector<std::string> pids = pids_of(row);
  std::string line =
      fmt::format("{}: {} replaced (pid {})", text_of(row, "service"),
                  counted(static_cast<double>(pids.size()), "worker"), fmt::join(pids, ", "));
  if (number(row, "interrupted") > 0)
    line += ", " + counted(number(row, "interrupted"), "call") + " interrupted";
  if (number(row, "running") > 0) {
    line += fmt::format("; still running there: {} (`leanto restart --now` interrupts)",
                        counted(number(row, "running"), "call"));
  }
  if (const auto error = row.find("error"); error != row.end())
    line += "\n  no new worker: " + wire::error_from_head(*error).message;
  return line;
}

}  // namespace

std::vector<std::string> what_is_lost(const std::vector<Json>& objects, const Json& status,
                                      const std::vector<Json>& runs) {
  std::map<std::string, double> runs_of;  // by service
  std::set<std::string> kept;             // objects
  for (const Json& run : runs) {
    runs_of[text_of(run, "service")] += 1;
    if (text_of(run, "status") == "running") kept.insert(text_of(run, "object"));
  }
  std::vector<std::string> lost;
  for (const Json& object : objects) {
    const bool has_name = object.value("key", Json()).is_string();
    if (has_name && !kept.contains(text_of(object, "id"))) lost.push_back(object_line(object));
  }
  std::sort(lost.begin(), lost.end());
  for (const Json& service : rows_of(status, "services")) {
    const double calls = number(service, "running") + number(service, "waiting") -
                         runs_of[text_of(service, "service")];
    if (calls > 0)
      lost.push_back(printable(counted(calls, "call") + " of " + text_of(service, "service")));
  }
  return lost;
}

std::string restart_report(const Json& answer, std::string_view service) {
  std::string out;
  for (const Json& row : rows_of(answer, "services")) out += line_of(row) + "\n";
  if (!out.empty()) return out;
  return service.empty() ? "No service has a worker; the next call starts one.\n"
                         : fmt::format("{} has no worker; the next call starts one.\n", service);
}

bool still_runs(const Json& answer) {
  const std::vector<Json> rows = rows_of(answer, "services");
  return std::any_of(rows.begin(), rows.end(),
                     [](const Json& row) { return number(row, "running") > 0; });
}

bool has_failed(const Json& answer) {
  const std::vector<Json> rows = rows_of(answer, "services");
  return std::any_of(rows.begin(), rows.end(),
                     [](const Json& row) { return row.contains("error"); });
}

}  // namespace leanto::cli
