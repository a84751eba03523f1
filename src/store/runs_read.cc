// Runs: finding, listing, and removing what is over the bounds.
#include <unistd.h>

#include "os/files.h"
#include "store/query.h"
#include "store/run_queries.h"
#include "store/runs.h"

namespace leanto {

namespace {

RunRecord read_run(const Statement& row) {
  RunRecord run;
  run.id = row.text(0);
  run.key = row.find_text(1);
  run.service = row.text(2);
  run.version = row.text(3);
  run.object = row.text(4);
  run.member = row.text(5);
  run.head = row.text(6);
  run.digest = row.text(7);
  run.caller = row.text(8);
  run.node = row.text(9);
  run.timeout_ms = row.find_integer(10);
  run.grace_ms = row.integer(11);
  run.status = find_run_status(row.text(12)).value_or(RunStatus::kUnknown);
  run.attempt = row.integer(13);
  run.created_at = row.integer(14);
  run.started_at = row.find_integer(15);
  run.ended_at = row.find_integer(16);
  if (const auto kind = row.find_text(17))
    run.error = RunError{*kind, row.text(18), row.text(19), row.text(20)};
  run.reason = row.text(21);
  run.arguments_size = row.integer(22);
  run.answer_size = row.integer(23);
  run.log_size = row.integer(24);
  run.policy = row.text(25);
  run.not_before = row.find_integer(26);
  run.memory = row.find_integer(27);
  run.keep_arguments = row.integer(28) != 0;
  run.replays = row.text(29);
  run.snapshot = row.text(30);
  run.image = row.text(31);
  run.place = row.integer(32);
  if (const auto cause = row.find_text(33)) run.stop = RunStop{*cause, row.text(34)};
  return run;
}

// "ID.what" → "ID".
std::string id_of_file(const std::string& name) { return name.substr(0, name.find('.')); }

}  // namespace

Result<std::optional<RunRecord>> RunStore::find(std::string_view id) {
  return first_row(database_, read_run, select_runs("WHERE id = ?"), id);
}

Result<std::optional<RunRecord>> RunStore::find_by_key(std::string_view key) {
  return first_row(database_, read_run, select_runs("WHERE key = ?"), key);
}

Result<std::vector<RunRecord>> RunStore::list(const RunFilter& filter) {
  return all_rows(database_, read_run, list_query(filter), filter.since.value_or(0), filter.service,
                  filter.limit);
}

Result<std::vector<RunStore::Attempt>> RunStore::attempts(const std::string& id) {
  auto read = [](const Statement& row) {
    Attempt attempt{row.integer(0), row.integer(1), row.find_integer(2), row.text(3), row.text(4)};
    if (const auto kind = row.find_text(5))
      attempt.error = RunError{*kind, row.text(6), row.text(7), ""};
    attempt.log_offset = row.integer(8);
    attempt.memory_limit = row.find_integer(9);
    attempt.memory_peak = row.find_integer(10);
    attempt.cpu_ms = row.find_integer(11);
    attempt.share = {row.integer(12), row.find_integer(13)};
    attempt.node = row.text(14);
    return attempt;
  };
  return all_rows(
      database_, read,
      "SELECT n, started_at, ended_at, COALESCE(outcome, ''), reason, error_kind, "
      "error_type, error_message, log_offset, memory_limit, memory_peak, cpu_ms, gpus, price, node "
      "FROM attempts WHERE run = ? ORDER BY n",
      id);
}

Result<std::vector<ExpiredRun>> RunStore::expired(const RunRetention& retention, std::int64_t now) {
  auto read = [](const Statement& row) {
    return ExpiredRun{row.text(0), row.find_text(1), row.text(2),
                      row.text(3), row.integer(4),   row.integer(5)};
  };
  return all_rows(database_, read, expired_query(), now - retention.keep_ms, retention.max_count,
                  retention.max_bytes);
}

Result<std::vector<ExpiredRun>> RunStore::prune(const RunRetention& retention, std::int64_t now) {
  auto runs = expired(retention, now);
  if (!runs) return runs;
  for (const ExpiredRun& run : *runs) {
    if (Status removed = remove(run.id); !removed) return Failure(removed.error());
  }
  return runs;
}

Status RunStore::remove(const std::string& id) {
  for (const char* sql : {"DELETE FROM payloads WHERE run = ?",
                          "DELETE FROM attempts WHERE run = ?", "DELETE FROM runs WHERE id = ?"}) {
    if (Status removed = execute(database_, sql, id); !removed) return removed;
  }
  // A crash before the commit leaves a record without its files, for which the next prune looks
  // again.
  for (const char* what : {"arguments", "result", "error", "log", "log.1"})
    (void)::unlink(payload_file(id, what).c_str());
  return {};
}

Status RunStore::remove_orphans() {
  const auto directory = open_directory_at(AT_FDCWD, directory_);
  if (!directory) return Failure(directory.error());
  const auto items = list_directory(directory->get(), directory_);
  if (!items) return Failure(items.error());
  for (const DirectoryItem& item : *items) {
    const Result<bool> wanted = is_wanted(item.name);
    if (!wanted) return Failure(wanted.error());
    if (!*wanted) (void)remove_tree_at(directory->get(), item.name);
  }
  return {};
}

// Whether its run is on record, and, of arguments, that it still has them.
Result<bool> RunStore::is_wanted(const std::string& file) {
  auto read = [](const Statement& row) { return row.integer(0) != 0; };
  const std::string id = id_of_file(file);
  const auto found =
      file == id + ".arguments"
          ? first_row(database_, read,
                      "SELECT 1 FROM payloads WHERE run = ? AND what = 'arguments'", id)
          : first_row(database_, read, "SELECT 1 FROM runs WHERE id = ?", id);
  if (!found) return Failure(found.error());
  return found->has_value();
}

}  // namespace leanto
