#include "node/run_retry.h"

#include <algorithm>
#include <cmath>

#include "base/byte_size.h"

namespace leanto::node {

using wire::Json;

namespace {

constexpr std::size_t kMaxSizes = 64;

bool has(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// Whether it's an error that the policy is for.
bool is_meant(const wire::Retries& retries, const Ending& ending) {
  const auto& error = ending.outcome.error;
  if (!error) return false;
  if (has(retries.kinds, error->kind)) return true;
  if (error->kind != "user" && error->kind != "out_of_memory") return false;
  const Json head = wire::decode_head(ending.answer.head).value_or(Json::object());
  const Json types = head.value("types", Json::array());
  return has(retries.types, error->type) ||
         std::any_of(types.begin(), types.end(), [&](auto& type) {
           return type.is_string() && has(retries.types, type.template get<std::string>());
         });
}

bool is_out_of_main_memory(const Ending& ending) {
  if (!ending.outcome.error || ending.outcome.error->kind != "out_of_memory") return false;
  const Json head = wire::decode_head(ending.answer.head).value_or(Json::object());
  return wire::find_string(head, "device").value_or("cpu") != "gpu";
}

// In milliseconds, before the attempt after the `failed`th that failed.
std::int64_t delay_after(const wire::Retries& retries, std::int64_t failed, double random) {
  const double grown = retries.delay * std::pow(retries.factor, static_cast<double>(failed - 1));
  const double spread = 1 + retries.jitter * (2 * random - 1);
  return static_cast<std::int64_t>(std::min(grown, retries.max_delay) * spread * 1000);
}

}  // namespace

wire::RetryPolicy policy_of(const RunRecord& run) {
  const Json said = Json::parse(run.policy, nullptr, false);
  if (!said.is_object()) return {};
  return wire::parse_retry_policy(said).value_or(wire::RetryPolicy());
}

std::int64_t delay_of(const RunRecord& run, std::int64_t now) {
  if (!run.not_before) return 0;
  const wire::RetryPolicy policy = policy_of(run);
  if (!policy.retries) return 0;
  const double longest = policy.retries->max_delay * (1 + policy.retries->jitter) * 1000;
  return std::clamp<std::int64_t>(*run.not_before - now, 0, static_cast<std::int64_t>(longest));
}

std::vector<std::uint64_t> memory_sizes(const wire::MoreMemory& more, std::uint64_t own) {
  std::vector<std::uint64_t> sizes;
  if (!more.sizes.empty()) {
    for (const std::uint64_t size : more.sizes) {
      if (size > own) sizes.push_back(size);
    }
    return sizes;
  }
  if (own == 0) return sizes;
  const double most = more.max ? static_cast<double>(*more.max) : 1e18;
  for (auto size = static_cast<double>(own); size < most && sizes.size() < kMaxSizes;) {
    size = std::min(std::floor(size * more.factor), most);
    sizes.push_back(static_cast<std::uint64_t>(size));
  }
  return sizes;
}

std::optional<NextAttempt> decide_next_attempt(const wire::RetryPolicy& policy,
                                               const EndedAttempt& attempt) {
  const RunRecord& run = attempt.run;
  const Ending& ending = attempt.ending;
  if (ending.outcome.status != RunStatus::kFailed && ending.outcome.status != RunStatus::kLost)
    return std::nullopt;
  std::int64_t grown = 0;  // attempts that had more memory than the one before
  const auto had = run.memory ? static_cast<std::uint64_t>(*run.memory) : attempt.own_memory;
  if (policy.on_oom) {
    const bool wants_more = is_out_of_main_memory(ending);
    for (const std::uint64_t size : memory_sizes(*policy.on_oom, attempt.own_memory)) {
      if (size <= had) {
        ++grown;
      } else if (wants_more) {
        return NextAttempt{
            attempt.now, static_cast<std::int64_t>(size),
            fmt::format("attempt {} ran out of memory{}; the next has {}", run.attempt,
                        had == 0 ? "" : " with " + format_byte_size(had), format_byte_size(size))};
      }
    }
  }
  if (!policy.retries || !is_meant(*policy.retries, ending)) return std::nullopt;
  const std::int64_t failed = run.attempt - grown;
  if (failed >= policy.retries->attempts) return std::nullopt;
  const std::int64_t delay =
      delay_after(*policy.retries, std::max<std::int64_t>(failed, 1), attempt.random);
  const std::int64_t at = attempt.now + delay;
  const auto& limit = policy.retries->limit;
  if (limit && static_cast<double>(at - run.created_at) > *limit * 1000) return std::nullopt;
  const RunError& error = *ending.outcome.error;
  return NextAttempt{
      at, std::nullopt,
      fmt::format("attempt {} ended with {}: {}; retry {} of {} comes after {:.1f} s", run.attempt,
                  error.type.empty() ? error.kind : error.type, error.message.substr(0, 500),
                  failed, policy.retries->attempts - 1, static_cast<double>(delay) / 1000)};
}

}  // namespace leanto::node
