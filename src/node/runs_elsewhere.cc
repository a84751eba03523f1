// Runs: attempts that are made on other nodes.
#include <algorithm>
#include <chrono>
#include <utility>

#include "node/runs.h"
#include "os/failpoint.h"

namespace leanto::node {

using namespace std::chrono_literals;
using wire::Json;

namespace {

// Of the run that an attempt is there: the same for whoever asks for this attempt.
std::string key_of(const RunRecord& run) { return fmt::format("{}#{}", run.id, run.attempt); }

// What is submitted there. When it's tried again, and when its time is up, is decided here.
Json submission_for(const wire::Place& place, const RunRecord& run) {
  Json call = place.call;
  for (const char* ours : {"on_conflict", "retries", "on_oom", "places", "timeout", "max_queue"})
    call.erase(ours);
  call["key"] = key_of(run);
  call["grace"] = static_cast<double>(run.grace_ms) / 1000;
  call["keep_args"] = false;
  if (run.memory) call["memory"] = *run.memory;
  return call;
}

bool counts_lost_nodes(const wire::RetryPolicy& policy) {
  if (!policy.retries) return false;
  const auto& kinds = policy.retries->kinds;
  return std::find(kinds.begin(), kinds.end(), "node_lost") != kinds.end();
}

}  // namespace

// Null: it's made here, and its head is that of its record.
const wire::Place* Runs::place_of(const Active& run) {
  const auto place = static_cast<std::size_t>(run.run.place);
  return place < run.policy.places.size() ? &run.policy.places[place] : nullptr;
}

const wire::Place* Runs::far_place_of(const wire::RetryPolicy& policy, std::int64_t place) {
  const auto index = static_cast<std::size_t>(place);
  if (index >= policy.places.size() || policy.places[index].node.empty()) return nullptr;
  return &policy.places[index];
}

net::Task<> Runs::start_elsewhere(ActivePtr run) {
  if (run->phase != Phase::kStarting) co_return;
  const wire::Place* place = far_place_of(run->policy, run->run.place);
  run->own_memory = place->memory;
  RunStore::Begin begin{now_ms(), run->run.log_size, run->run.memory};
  if (!begin.memory_limit && place->memory > 0)
    begin.memory_limit = static_cast<std::int64_t>(place->memory);
  begin.node = place->node;
  Result<RunStore::Started> started = Failure(Error{});
  if (!stopping_) started = co_await record_start(run, std::move(begin));
  if (run->phase != Phase::kStarting) co_return;
  if (!started && stopping_) {
    run->phase = Phase::kQueued;  // the next node starts it
    co_return;
  }
  if (!started) co_return end(run, failed_ending(started.error()));
  if (run->stopping) co_return end(run, stopped_ending(*run->stopping));
  run->phase = Phase::kRunning;
  attend(run, std::move(started->arguments), 0, false);
}

// After a node that ended while another one had its attempt.
net::Task<> Runs::go_on_elsewhere(ActivePtr run) {
  const std::uint64_t lines =
      co_await count_lines(run->run.id, static_cast<std::uint64_t>(run->run.log_size));
  auto find = [id = run->run.id](RunStore& store) { return store.arguments(id); };
  const auto arguments = co_await parts_.journal.read(std::move(find));
  if (run->phase != Phase::kRunning) co_return;
  attend(run, arguments ? arguments->value_or("") : "", lines, true);
}

// How many lines of its output are here already, from `offset` on.
net::Task<std::uint64_t> Runs::count_lines(std::string id, std::uint64_t offset) {
  std::uint64_t lines = 0;
  while (true) {
    const Result<RunLogPiece> piece = co_await parts_.logs.read(id, offset);
    if (!piece || piece->records.empty()) co_return lines;
    offset = piece->next();
    constexpr std::string_view kWholeLine = "\\n\"";  // as a record's JSON ends its text
    for (std::size_t at = piece->records.find(kWholeLine); at != std::string::npos;
         at = piece->records.find(kWholeLine, at + 1))
      ++lines;
  }
}

void Runs::attend(const ActivePtr& run, std::string arguments, std::uint64_t lines, bool was_sent) {
  const wire::Place* place = far_place_of(run->policy, run->run.place);
  if (place == nullptr)
    return end(run, failed_ending({ErrorKind::kInternal, "its record names no place for it"}));
  FarAttempt::Parts parts{parts_.loop,
                          parts_.find_asker,
                          place->node,
                          submission_for(*place, run->run),
                          {{"host", parts_.node}, {"run", run->run.id}},
                          std::move(arguments),
                          was_sent,
                          counts_lost_nodes(run->policy),
                          lines,
                          {},
                          {}};
  parts.on_output = [this, id = run->run.id](OutputStream stream, std::string_view text) {
    parts_.logs.append(id, stream, text);
  };
  const std::weak_ptr<Active> attended = run;
  parts.on_contact = [attended](std::optional<std::string> why) {
    const ActivePtr active = attended.lock();
    if (!active || active->phase != Phase::kRunning) return;
    active->run.status = why ? RunStatus::kUnknown : RunStatus::kRunning;
    active->run.reason = why ? "the node that has it can't be reached: " + *why : std::string();
  };
  run->far = std::make_shared<FarAttempt>(std::move(parts));
  if (run->stopping) (void)run->far->cancel(run->stopping->reason);
  parts_.loop.spawn("attend a run elsewhere", await_far(run, run->far));
  LEANTO_FAILPOINT("run.far.attended");
}

net::Task<> Runs::await_far(ActivePtr run, std::shared_ptr<FarAttempt> far) {
  FarAttempt::Outcome outcome = co_await far->run();
  if (stopping_ || run->far != far || run->phase != Phase::kRunning) co_return;
  LEANTO_FAILPOINT("run.far.answered");
  run->far.reset();
  Ending ending;
  switch (outcome.how) {
    case FarAttempt::How::kAnswered:
      ending =
          decide_ending(std::move(outcome.answer), run->stopping, parts_.limits.max_value_bytes);
      break;
    case FarAttempt::How::kLost:
      ending = lost_ending(outcome.error.message, now_ms());
      break;
    case FarAttempt::How::kNeverBegan:
      run->never_began = true;
      ending = run->stopping ? stopped_ending(*run->stopping) : failed_ending(outcome.error);
      break;
  }
  ending.outcome.memory_peak = outcome.memory_peak;
  ending.outcome.cpu_ms = outcome.cpu_ms;
  end(run, std::move(ending));
}

}  // namespace leanto::node
