#include "store/runs.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "base/embedded.h"
#include "os/failpoint.h"
#include "os/files.h"
#include "os/xdg.h"
#include "store/migrations.h"
#include "store/query.h"
#include "store/run_log_file.h"
#include "store/synced_wal.h"

namespace leanto {

namespace {

constexpr std::string_view kInsert =
    "INSERT INTO runs (id, key, service, version, object, member, head, digest, caller, node, "
    "timeout_ms, grace_ms, policy, keep_args, replays, snapshot, image, memory, status, "
    "created_at, arguments_size, arguments) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'queued', ?, ?, ?)";

std::optional<Blob> in_row(std::string_view bytes) {
  return bytes.size() <= RunStore::kRowBytes ? std::optional(Blob{bytes}) : std::nullopt;
}

bool fits_row(const RunAnswer& answer) {
  return answer.head.size() + answer.bytes.size() <= RunStore::kRowBytes;
}

std::string_view name_of(AnswerKind kind) {
  return kind == AnswerKind::kResult ? "result" : "error";
}

}  // namespace

Result<RunStore> RunStore::open(const std::filesystem::path& database,
                                const std::filesystem::path& directory) {
  if (Status made = create_private_directory(directory); !made) return Failure(made.error());
#ifdef LEANTO_FAILPOINTS
  if (Status watched = watch_synced_wal(database); !watched) return Failure(watched.error());
#endif
  auto opened = Database::open(database);
  if (!opened) return Failure(opened.error());
  const auto migrations = embedded::run_migrations();
  if (auto known = refuse_newer(*opened, migrations); !known) return Failure(known.error());
  const auto mode = opened->run("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
  if (!mode) return Failure(mode.error());
  // The log is then written, and not synced, at each commit.
  if (LEANTO_FAILPOINT_SWITCH("journal.sync", "skip"))
    (void)opened->run("PRAGMA synchronous = NORMAL");
  if (auto done = migrate(*opened, migrations); !done) return Failure(done.error());
  return RunStore(*std::move(opened), directory.string());
}

void RunStore::commit(std::span<Work> works) {
  auto fail_all = [&](const Error& error) {
    for (Work& work : works) work.status = Failure(error);
  };
  unneeded_.clear();
  auto transaction = Transaction::begin(database_);
  if (!transaction) return fail_all(transaction.error());
  for (Work& work : works) {
    if (Status run = run_one(work); !run) return fail_all(run.error());
  }
  if (Status failed = LEANTO_FAILPOINT_STATUS("journal.commit"); !failed)
    return fail_all(failed.error());
  const std::vector<std::string> unneeded = std::exchange(unneeded_, {});
  if (Status committed = transaction->commit(); !committed) return fail_all(committed.error());
  LEANTO_FAILPOINT("journal.synced");
  for (const std::string& file : unneeded) (void)::unlink(file.c_str());
}

// What fails is taken back alone. An error is returned only if that doesn't work.
Status RunStore::run_one(Work& work) {
  if (Status saved = execute(database_, "SAVEPOINT work"); !saved) return saved;
  const std::size_t unneeded = unneeded_.size();
  work.status = work.run(*this);
  if (!work.status) {
    unneeded_.resize(unneeded);
    // On a full disk SQLite may have taken everything back itself.
    if (!execute(database_, "ROLLBACK TO work")) return work.status;
  }
  return execute(database_, "RELEASE work");
}

Result<RunStore::Submitted> RunStore::submit(const RunRecord& run, std::string_view arguments,
                                             const std::string& replaces) {
  if (run.key) {
    const auto holder = find_by_key(*run.key);
    if (!holder) return Failure(holder.error());
    const KeyDecision decision = decide_key(*holder, run);
    const bool gives_way = *holder && (*holder)->id == replaces && has_ended((*holder)->status);
    if (decision == KeyDecision::kSame || (decision == KeyDecision::kConflict && !gives_way))
      return Submitted{decision, **holder};
    if (*holder) {
      const Status freed = execute(database_, "UPDATE runs SET key = NULL WHERE id = ?", replaces);
      if (!freed) return Failure(freed.error());
    }
  }
  const auto size = static_cast<std::int64_t>(arguments.size());
  const Status inserted =
      execute(database_, kInsert, run.id, run.key, run.service, run.version, run.object, run.member,
              Blob{run.head}, run.digest, run.caller, run.node, run.timeout_ms, run.grace_ms,
              run.policy, std::int64_t{run.keep_arguments}, run.replays, run.snapshot, run.image,
              run.memory, run.created_at, size, in_row(arguments));
  if (!inserted) return Failure(inserted.error());
  if (!in_row(arguments)) {
    if (Status put = put_payload(run.id, "arguments", {}, arguments); !put)
      return Failure(put.error());
  }
  Submitted submitted{KeyDecision::kNew, run};
  submitted.run.arguments_size = size;
  return submitted;
}

Result<RunStore::Started> RunStore::start(const std::string& id, const Begin& begin) {
  const auto changed = change(database_,
                              "UPDATE runs SET status = 'running', attempt = attempt + 1, "
                              "started_at = COALESCE(started_at, ?) WHERE id = ? AND status = "
                              "'queued'",
                              begin.at, id);
  if (!changed) return Failure(changed.error());
  if (*changed == 0) return fail(ErrorKind::kInvalid, "the run {} is not queued", id);
  const Status recorded = execute(
      database_,
      "INSERT INTO attempts (run, n, started_at, log_offset, memory_limit, worker_call, gpus, "
      "price, node) SELECT id, attempt, ?, ?, ?, ?, ?, ?, ? FROM runs WHERE id = ?",
      begin.at, begin.log_offset, begin.memory_limit, begin.worker_call, begin.share.gpus_1000,
      begin.share.price_1000000, begin.node, id);
  if (!recorded) return Failure(recorded.error());
  auto read = [](const Statement& row) { return row.integer(0); };
  const auto attempt = first_row(database_, read, "SELECT attempt FROM runs WHERE id = ?", id);
  if (!attempt) return Failure(attempt.error());
  auto given = arguments(id);
  if (!given) return Failure(given.error());
  if (!*given) return fail(ErrorKind::kInternal, "the run {} has no arguments on disk", id);
  return Started{attempt->value_or(0), **std::move(given)};
}

Status RunStore::stop(const std::string& id, const RunStop& stop) {
  return execute(database_,
                 "UPDATE runs SET stop_cause = ?, stop_reason = ? WHERE id = ? AND stop_cause IS "
                 "NULL AND ended_at IS NULL",
                 stop.cause, stop.reason, id);
}

Status RunStore::finish(const std::string& id, const RunOutcome& outcome, const RunAnswer& answer) {
  const auto size = static_cast<std::int64_t>(answer.bytes.size());
  const bool fits = fits_row(answer);
  const Status done = record_outcome(id, outcome, size, fits ? &answer : nullptr);
  if (!done || fits) return done;
  return put_payload(id, name_of(answer.kind), answer.head, answer.bytes);
}

Status RunStore::record_outcome(const std::string& id, const RunOutcome& outcome,
                                std::int64_t answer_size, const RunAnswer* answer) {
  std::optional<std::string_view> answer_kind;
  std::optional<Blob> answer_head;
  std::optional<Blob> answer_bytes;
  if (answer != nullptr) {
    answer_kind = name_of(answer->kind);
    answer_head = Blob{answer->head};
    answer_bytes = Blob{answer->bytes};
  }
  const RunError error = outcome.error.value_or(RunError{});
  const std::optional<std::string> kind = outcome.error ? std::optional(error.kind) : std::nullopt;
  const auto changed = change(
      database_,
      "UPDATE runs SET status = ?, ended_at = ?, error_kind = ?, error_type = ?, error_message = "
      "?, traceback = ?, reason = ?, answer_size = ?, log_size = ?, answer_kind = ?, answer_head = "
      "?, answer = ?, arguments = CASE WHEN keep_args THEN arguments END WHERE id = ? AND status "
      "IN ('queued', 'running')",
      name_of(outcome.status), outcome.at, kind, error.type, error.message, error.traceback,
      outcome.reason, answer_size, outcome.log_size, answer_kind, answer_head, answer_bytes, id);
  if (!changed) return Failure(changed.error());
  if (*changed == 0)
    return fail(ErrorKind::kAlreadyExists, "the run {} has an outcome, which doesn't change", id);
  if (Status dropped = drop_arguments(id); !dropped) return dropped;
  return end_attempt(id, outcome);
}

// What is not for a replay and not in the row. A file of it stays until the end is on disk: a
// restart that finds the run still running may need it for another attempt.
Status RunStore::drop_arguments(const std::string& id) {
  const auto dropped = change(database_,
                              "DELETE FROM payloads WHERE what = 'arguments' AND run = (SELECT id "
                              "FROM runs WHERE id = ? AND keep_args = 0)",
                              id);
  if (!dropped) return Failure(dropped.error());
  if (*dropped > 0) unneeded_.push_back(payload_file(id, "arguments"));
  return {};
}

Status RunStore::end_attempt(const std::string& id, const RunOutcome& outcome) {
  const RunError error = outcome.error.value_or(RunError{});
  const std::optional<std::string> kind = outcome.error ? std::optional(error.kind) : std::nullopt;
  return execute(database_,
                 "UPDATE attempts SET ended_at = ?, outcome = ?, reason = ?, error_kind = ?, "
                 "error_type = ?, error_message = ?, memory_peak = ?, cpu_ms = ? WHERE run = ? AND "
                 "ended_at IS "
                 "NULL",
                 outcome.at, name_of(outcome.status), outcome.reason, kind, error.type,
                 error.message, outcome.memory_peak, outcome.cpu_ms, id);
}

Status RunStore::retry(const std::string& id, const RunOutcome& outcome, const NextAttempt& next) {
  const auto changed =
      change(database_,
             "UPDATE runs SET status = 'queued', not_before = ?, memory = "
             "COALESCE(?, memory), place = COALESCE(?, place), reason = ?, log_size = ? "
             "WHERE id = ? AND status = 'running'",
             next.not_before, next.memory, next.place, next.reason, outcome.log_size, id);
  if (!changed) return Failure(changed.error());
  if (*changed == 0)
    return fail(ErrorKind::kAlreadyExists, "the run {} is not running, so no attempt ends", id);
  return end_attempt(id, outcome);
}

Result<std::vector<RunRecord>> RunStore::recover(std::int64_t at, const std::string& reason,
                                                 const Decide& decide) {
  if (Status done = take_over_running(at, reason, decide); !done) return Failure(done.error());
  return queued();
}

Result<std::vector<RunRecord>> RunStore::queued() {
  RunFilter queued;
  queued.statuses = {RunStatus::kQueued};
  queued.limit = -1;
  auto runs = list(queued);
  if (runs) std::reverse(runs->begin(), runs->end());
  return runs;
}

Result<std::vector<RunStore::Interrupted>> RunStore::interrupted() {
  RunFilter running;
  running.statuses = {RunStatus::kRunning};
  running.limit = -1;
  auto runs = list(running);
  if (!runs) return Failure(runs.error());
  std::vector<Interrupted> interrupted;
  for (RunRecord& run : *runs) {
    (void)repair_run_log(log_file(run.id));
    using Where = std::pair<std::string, std::string>;
    auto read = [](const Statement& row) { return Where{row.text(0), row.text(1)}; };
    const auto where = first_row(database_, read,
                                 "SELECT worker_call, node FROM attempts WHERE run = ? AND "
                                 "ended_at IS NULL ORDER BY n DESC",
                                 run.id);
    if (!where) return Failure(where.error());
    auto [call, node] = where->value_or(Where{});
    interrupted.push_back({std::move(run), std::move(call), std::move(node)});
  }
  return interrupted;
}

Status RunStore::take_over_running(std::int64_t at, const std::string& reason,
                                   const Decide& decide) {
  const auto running = interrupted();
  if (!running) return Failure(running.error());
  for (const auto& [run, call, node] : *running) {
    if (!node.empty()) continue;
    RunOutcome lost = lost_outcome(reason, at);
    lost.log_size = log_size(run.id);
    const auto next = decide(run);
    const Status ended =
        next ? retry(run.id, lost, *next) : record_outcome(run.id, lost, 0, nullptr);
    if (!ended) return ended;
  }
  return {};
}

std::string RunStore::payload_file(const std::string& id, std::string_view what) const {
  return fmt::format("{}/{}.{}", directory_, id, what);
}

std::string RunStore::log_file(const std::string& id) const { return payload_file(id, "log"); }

std::int64_t RunStore::log_size(const std::string& id) const {
  return static_cast<std::int64_t>(run_log_size(log_file(id)).value_or(0));
}

Status RunStore::put_payload(const std::string& id, std::string_view what, std::string_view head,
                             std::string_view bytes) {
  std::optional<Blob> inlined;
  if (bytes.size() <= kInlineBytes) {
    inlined = Blob{bytes};
  } else if (Status written =
                 write_file_atomically(payload_file(id, what), bytes, 0600, Durability::kDisk);
             !written) {
    return written;
  }
  return execute(database_, "INSERT INTO payloads (run, what, head, bytes) VALUES (?, ?, ?, ?)", id,
                 what, Blob{head}, inlined);
}

Result<std::string> RunStore::read_payload(const std::string& id, std::string_view what,
                                           const std::optional<std::string>& bytes) const {
  if (bytes) return *bytes;
  return read_file(payload_file(id, what));
}

Result<std::optional<std::string>> RunStore::arguments(const std::string& id) {
  struct Row {
    std::optional<std::string> in_row;
    bool is_beside = false;  // among the payloads
    std::optional<std::string> bytes;
  };
  auto read = [](const Statement& row) {
    return Row{row.find_text(0), row.find_text(1).has_value(), row.find_text(2)};
  };
  const auto found =
      first_row(database_, read,
                "SELECT arguments, what, bytes FROM runs LEFT JOIN payloads ON arguments IS NULL "
                "AND run = id AND what = 'arguments' WHERE id = ?",
                id);
  if (!found) return Failure(found.error());
  if (!*found) return std::nullopt;
  if ((*found)->in_row) return (*found)->in_row;
  if (!(*found)->is_beside) return std::nullopt;
  auto bytes = read_payload(id, "arguments", (*found)->bytes);
  if (!bytes) return Failure(bytes.error());
  return *std::move(bytes);
}

Result<RunAnswer> RunStore::answer(const std::string& id) {
  struct Row {
    std::string what;
    std::string head;
    std::optional<std::string> bytes;
  };
  auto read = [](const Statement& row) { return Row{row.text(0), row.text(1), row.find_text(2)}; };
  auto row = first_row(database_, read,
                       "SELECT answer_kind, answer_head, answer FROM runs WHERE id = ?1 AND "
                       "answer_kind IS NOT NULL UNION ALL SELECT what, head, bytes FROM payloads "
                       "WHERE run = ?1 AND what != 'arguments'",
                       id);
  if (!row) return Failure(row.error());
  if (!*row) return fail(ErrorKind::kNotFound, "the run {} has no result", id);
  auto bytes = read_payload(id, (*row)->what, (*row)->bytes);
  if (!bytes) return Failure(bytes.error());
  const AnswerKind kind = (*row)->what == "result" ? AnswerKind::kResult : AnswerKind::kError;
  return RunAnswer{kind, std::move((*row)->head), *std::move(bytes)};
}

}  // namespace leanto
