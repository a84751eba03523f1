// Runs: which ended ones are kept, and that the others are forgotten.
#include <chrono>
#include <limits>
#include <utility>

#include "node/runs.h"
#include "os/failpoint.h"

namespace leanto::node {

using namespace std::chrono_literals;

namespace {

constexpr Duration kTidyEvery = 10min;

}  // namespace

RunRetention Runs::retention() {
  RunRetention retention = parts_.limits.retention;
  if (!trust_.is_given(parts_.clock)) retention.keep_ms = std::numeric_limits<std::int64_t>::max();
  return retention;
}

net::Task<> Runs::tidy() {
  while (!stopping_) {
    auto prune = [retention = retention(), at = now_ms()](RunStore& store) -> Status {
      const auto pruned = store.prune(retention, at);
      LEANTO_FAILPOINT("run.prune.recorded");
      return pruned ? store.remove_orphans() : Status(Failure(pruned.error()));
    };
    std::function<Status(RunStore&)> work = prune;
    (void)co_await parts_.journal.commit(std::move(work));
    LEANTO_FAILPOINT("run.prune.synced");
    co_await parts_.loop.sleep(kTidyEvery);
  }
}

net::Task<Result<std::vector<ExpiredRun>>> Runs::forget_expired(RunRetention bounds,
                                                                Forget forget) {
  const std::int64_t at = now_ms();
  if (forget == Forget::kNothing) {
    auto find = [bounds, at](RunStore& store) { return store.expired(bounds, at); };
    co_return co_await parts_.journal.read(std::move(find));
  }
  std::vector<ExpiredRun> forgotten;
  auto prune = [&forgotten, bounds, at](RunStore& store) -> Status {
    auto pruned = store.prune(bounds, at);
    if (!pruned) return Failure(pruned.error());
    forgotten = *std::move(pruned);
    return {};
  };
  std::function<Status(RunStore&)> work = prune;
  const Status done = co_await parts_.journal.commit(std::move(work));
  if (!done) co_return Failure(done.error());
  co_return forgotten;
}

}  // namespace leanto::node
