// The runs of a node on disk: what was submitted, how far it came, what came of it. A database of
// its own, synced at each commit: what `commit` has confirmed is there after a power cut.
//
// Arguments and answers up to `kRowBytes` are in the run's own row, those up to `kInlineBytes` in a
// table beside it, so that each change of the row doesn't write them again; larger ones are in a
// file, which is written and synced before the record that needs it. The arguments go when their
// run has ended, unless it keeps them.
//
// One thread at a time may use it, and every call may block on the disk.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/run_record.h"
#include "store/sqlite.h"

namespace leanto {

class RunStore {
 public:
  static constexpr std::size_t kRowBytes = 1 << 10;  // a fourth of a page
  static constexpr std::size_t kInlineBytes = 64 << 10;

  // `directory` is for the large values; both are made if they are not there.
  static Result<RunStore> open(const std::filesystem::path& database,
                               const std::filesystem::path& directory);

  // Work of `commit`: what it does to the store, and what came of it.
  struct Work {
    std::function<Status(RunStore&)> run;
    Status status;
  };
  // Runs all in one transaction and syncs it. Work that fails leaves nothing behind and doesn't
  // disturb the others; if the whole cannot be committed, all get that error.
  void commit(std::span<Work> works);

  // The following are for work of a commit.

  struct Submitted {
    KeyDecision decision = KeyDecision::kNew;
    RunRecord run;  // the new one, or the one that has the key
  };
  // Records a queued run, unless the key decides otherwise. `replaces` is a run that has ended and
  // shall lose the key.
  Result<Submitted> submit(const RunRecord& run, std::string_view arguments,
                           const std::string& replaces = {});

  struct Started {
    std::int64_t attempt = 0;
    std::string arguments;
  };
  // From queued to running. kInvalid if it isn't queued: it must not be started twice.
  struct Begin {
    std::int64_t at = 0;
    std::int64_t log_offset = 0;  // where what it writes begins
    std::optional<std::int64_t> memory_limit{};
    std::string worker_call{};  // who has it: a worker's own name, and the call's number there
    RunShare share{};
    std::string node{};  // where it is, if not here
  };
  Result<Started> start(const std::string& id, const Begin& begin);

  // Records that a run shall end. Nothing happens if it has ended, or is to end already.
  Status stop(const std::string& id, const RunStop& stop);

  // Ends the running attempt; the run is queued again. kAlreadyExists if it isn't running.
  Status retry(const std::string& id, const RunOutcome& outcome, const NextAttempt& next);

  // Records the outcome. kAlreadyExists if it has one: that stays.
  Status finish(const std::string& id, const RunOutcome& outcome, const RunAnswer& answer);

  // After a restart: what ran is lost, for `reason`, unless `decide` says that it's tried again.
  // Returns what is queued, in order. Attempts on other nodes go on.
  using Decide = std::function<std::optional<NextAttempt>(const RunRecord&)>;
  Result<std::vector<RunRecord>> recover(std::int64_t at, const std::string& reason,
                                         const Decide& decide);

  // The same in two steps: those that ran, which may go on in a worker that outlived the node, and
  // those that are queued.
  struct Interrupted {
    RunRecord run;
    std::string worker_call;
    std::string node;  // where its attempt is, if not here
  };
  Result<std::vector<Interrupted>> interrupted();
  Result<std::vector<RunRecord>> queued();

  // Removes ended runs over the bounds, with all their files; returns them.
  Result<std::vector<ExpiredRun>> prune(const RunRetention& retention, std::int64_t now);

  // Removes files whose record didn't come to be, or went, because a node ended in between.
  Status remove_orphans();

  // Reading; at any time.

  Result<std::optional<RunRecord>> find(std::string_view id);
  Result<std::optional<RunRecord>> find_by_key(std::string_view key);
  Result<std::vector<RunRecord>> list(const RunFilter& filter);  // the newest first
  // What `prune` would remove, the oldest first.
  Result<std::vector<ExpiredRun>> expired(const RunRetention& retention, std::int64_t now);
  // kNotFound if it has none (yet).
  Result<RunAnswer> answer(const std::string& id);
  // Absent if they weren't kept after its end.
  Result<std::optional<std::string>> arguments(const std::string& id);

  struct Attempt {
    std::int64_t number = 0;
    std::int64_t started_at = 0;
    std::optional<std::int64_t> ended_at;
    std::string outcome;
    std::string reason;
    std::optional<RunError> error{};
    std::int64_t log_offset = 0;
    std::optional<std::int64_t> memory_limit{};
    std::optional<std::int64_t> memory_peak{};
    std::optional<std::int64_t> cpu_ms{};
    RunShare share{};
    std::string node{};
  };
  Result<std::vector<Attempt>> attempts(const std::string& id);

  std::string log_file(const std::string& id) const;
  std::int64_t log_size(const std::string& id) const;

 private:
  RunStore(Database database, std::string directory)
      : database_(std::move(database)), directory_(std::move(directory)) {}

  std::string payload_file(const std::string& id, std::string_view what) const;
  Status put_payload(const std::string& id, std::string_view what, std::string_view head,
                     std::string_view bytes);
  Result<std::string> read_payload(const std::string& id, std::string_view what,
                                   const std::optional<std::string>& bytes) const;
  // `answer` only if it fits the row; null: there is none, or it's elsewhere.
  Status record_outcome(const std::string& id, const RunOutcome& outcome, std::int64_t answer_size,
                        const RunAnswer* answer);
  Status end_attempt(const std::string& id, const RunOutcome& outcome);
  Status drop_arguments(const std::string& id);
  Result<bool> is_wanted(const std::string& file);
  Status take_over_running(std::int64_t at, const std::string& reason, const Decide& decide);
  Status run_one(Work& work);
  Status remove(const std::string& id);

  Database database_;
  std::string directory_;
  std::vector<std::string> unneeded_;  // files that go once the transaction is on disk
};

}  // namespace leanto
