#include "store/run_queries.h"

#include <fmt/format.h>

#include <algorithm>

namespace leanto {

namespace {

constexpr std::string_view kColumns =
    "id, key, service, version, object, member, head, digest, caller, node, timeout_ms, grace_ms, "
    "status, attempt, created_at, started_at, ended_at, error_kind, error_type, error_message, "
    "traceback, reason, arguments_size, answer_size, log_size, policy, not_before, memory, "
    "keep_args, "
    "replays, snapshot, image, place, stop_cause, stop_reason";

// The names of statuses as SQL's list; they are ours, so nothing needs quoting.
std::string sql_list(const std::vector<RunStatus>& statuses) {
  std::string list;
  for (const RunStatus status : statuses)
    list += fmt::format("{}'{}'", list.empty() ? "" : ", ", name_of(status));
  return list;
}

}  // namespace

std::string select_runs(std::string_view rest) {
  return fmt::format("SELECT {} FROM runs {}", kColumns, rest);
}

std::string list_query(const RunFilter& filter) {
  std::string where = "WHERE created_at >= ?1 AND (?2 = '' OR service = ?2)";
  if (!filter.statuses.empty()) {
    where += fmt::format(" AND status IN ({})", sql_list(filter.statuses));
    // Says SQLite that the few in runs_unfinished are all.
    if (std::none_of(filter.statuses.begin(), filter.statuses.end(), has_ended))
      where += " AND ended_at IS NULL";
  }
  return select_runs(where + " ORDER BY id DESC LIMIT ?3");
}

// The sums run from the newest on, so the bounds hold for what is kept.
std::string_view expired_query() {
  return "SELECT id, key, service, status, ended_at, size FROM (SELECT *, ROW_NUMBER() OVER newest "
         "AS position, SUM(size) OVER newest AS bytes FROM (SELECT id, key, service, status, "
         "ended_at, arguments_size * keep_args + answer_size + log_size AS size FROM runs WHERE "
         "ended_at IS NOT NULL) WINDOW newest AS (ORDER BY ended_at DESC, id DESC)) WHERE ended_at "
         "< ? OR position > ? OR bytes > ? ORDER BY ended_at, id";
}

}  // namespace leanto
