#include "node/run_retry.h"

#include <algorithm>
#include <cmath>

#include "base/byte_size.h"

namespace leanto::node {

using wire::Json;
using wire::MemoryStep;

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

// Where an attempt ran out of memory, if that's why it ended: "cpu" or "gpu".
std::optional<std::string> find_full_device(const Ending& ending) {
  if (!ending.outcome.error || ending.outcome.error->kind != "out_of_memory") return std::nullopt;
  const Json head = wire::decode_head(ending.answer.head).value_or(Json::object());
  return wire::find_string(head, "device").value_or("cpu");
}

// In milliseconds, before the attempt after the `failed`th that failed.
std::int64_t delay_after(const wire::Retries& retries, std::int64_t failed, double random) {
  const double grown = retries.delay * std::pow(retries.factor, static_cast<double>(failed - 1));
  const double spread = 1 + retries.jitter * (2 * random - 1);
  return static_cast<std::int64_t>(std::min(grown, retries.max_delay) * spread * 1000);
}

// How many steps are behind an attempt that had so much memory at that place.
std::size_t count_taken(const std::vector<MemoryStep>& steps, std::uint64_t had,
                        std::int64_t place) {
  for (std::size_t count = steps.size(); count > 0; --count) {
    const MemoryStep& step = steps[count - 1];
    if (step.bytes <= had && (!step.place || static_cast<std::int64_t>(*step.place) == place))
      return count;
  }
  return 0;
}

// What follows on an attempt after which so many steps are taken. More main memory doesn't help one
// that ran out of a GPU's: that goes on to the next other machine.
const MemoryStep* find_next_step(const std::vector<MemoryStep>& steps, std::size_t taken,
                                 const Ending& ending, std::int64_t place) {
  const auto device = find_full_device(ending);
  if (!device) return nullptr;
  const auto helps = [&](const MemoryStep& step) {
    return *device != "gpu" || (step.place && static_cast<std::int64_t>(*step.place) != place);
  };
  const auto found =
      std::find_if(steps.begin() + static_cast<std::ptrdiff_t>(taken), steps.end(), helps);
  return found == steps.end() ? nullptr : &*found;
}

std::string title_of(const wire::RetryPolicy& policy, std::int64_t place) {
  const std::string& node = policy.places.at(static_cast<std::size_t>(place)).node;
  return node.empty() ? "this machine" : node;
}

NextAttempt with_more_memory(const wire::RetryPolicy& policy, const EndedAttempt& attempt,
                             std::uint64_t had, const MemoryStep& step) {
  const bool on_gpu = find_full_device(attempt.ending) == "gpu";
  const std::string what = on_gpu     ? "a GPU's memory"
                           : had == 0 ? "memory"
                                      : "memory with " + format_byte_size(had);
  std::optional<std::int64_t> place;
  if (step.place && static_cast<std::int64_t>(*step.place) != attempt.run.place)
    place = static_cast<std::int64_t>(*step.place);
  return {attempt.now, static_cast<std::int64_t>(step.bytes),
          fmt::format("attempt {} ran out of {}; the next has {}{}", attempt.run.attempt, what,
                      format_byte_size(step.bytes), place ? " on " + title_of(policy, *place) : ""),
          place};
}

// They take turns. Where more memory has led, it stays.
std::optional<std::int64_t> place_of_retry(const wire::Retries& retries, std::int64_t place) {
  const auto count = static_cast<std::int64_t>(retries.places);
  if (count <= 1 || place >= count) return std::nullopt;
  return (place + 1) % count;
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

std::vector<MemoryStep> memory_steps(const wire::MoreMemory& more, std::uint64_t own) {
  std::vector<MemoryStep> steps;
  if (!more.sizes.empty()) {
    for (const MemoryStep& step : more.sizes) {
      if (step.place || step.bytes > own) steps.push_back(step);
    }
    return steps;
  }
  if (own == 0) return steps;
  const double most = more.max ? static_cast<double>(*more.max) : 1e18;
  for (auto size = static_cast<double>(own); size < most && steps.size() < kMaxSizes;) {
    size = std::min(std::floor(size * more.factor), most);
    steps.push_back({static_cast<std::uint64_t>(size)});
  }
  return steps;
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
    const std::vector<MemoryStep> steps = memory_steps(*policy.on_oom, attempt.own_memory);
    const std::size_t taken = count_taken(steps, had, run.place);
    if (const MemoryStep* step = find_next_step(steps, taken, ending, run.place))
      return with_more_memory(policy, attempt, had, *step);
    grown =
        std::min(static_cast<std::int64_t>(taken), run.attempt - 1);  // steps may be passed over
  }
  if (!policy.retries) return std::nullopt;
  const bool goes_elsewhere = attempt.never_began && policy.retries->places > 1;
  if (!goes_elsewhere && !is_meant(*policy.retries, ending)) return std::nullopt;
  const std::int64_t failed = run.attempt - grown;
  if (failed >= policy.retries->attempts) return std::nullopt;
  const std::int64_t delay =
      delay_after(*policy.retries, std::max<std::int64_t>(failed, 1), attempt.random);
  const std::int64_t at = attempt.now + delay;
  const auto& limit = policy.retries->limit;
  if (limit && static_cast<double>(at - run.created_at) > *limit * 1000) return std::nullopt;
  const RunError& error = *ending.outcome.error;
  const std::optional<std::int64_t> place = place_of_retry(*policy.retries, run.place);
  return NextAttempt{at, std::nullopt,
                     fmt::format("attempt {} ended with {}: {}; retry {} of {} comes after {:.1f} "
                                 "s{}",
                                 run.attempt, error.type.empty() ? error.kind : error.type,
                                 error.message.substr(0, 500), failed, policy.retries->attempts - 1,
                                 static_cast<double>(delay) / 1000,
                                 place ? " on " + title_of(policy, *place) : ""),
                     place};
}

}  // namespace leanto::node
