#include "node/run_logs.h"

#include <chrono>
#include <utility>

#include "os/failpoint.h"
#include "wire/head.h"

namespace leanto::node {

using namespace std::chrono_literals;
using wire::Json;
using wire::OutputStream;

namespace {

constexpr Duration kDelay = 100ms;
constexpr Duration kTryAgain = 1s;
constexpr Duration kPatience = 1s;  // then a line without an end is written as it is
constexpr std::size_t kMaxLine = 8 << 10;
constexpr std::size_t kMaxWaiting = 16 << 20;
constexpr std::size_t kPiece = 256 << 10;

std::string record_of(const Json& record) {
  return record.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace

RunLogs::RunLogs(net::Loop& loop, const Clock& clock, std::string directory,
                 std::uint64_t max_bytes)
    : loop_(loop), clock_(clock), directory_(std::move(directory)), max_bytes_(max_bytes) {}

std::int64_t RunLogs::now_ms() const {
  return std::chrono::duration_cast<std::chrono::milliseconds>(clock_.wall().time_since_epoch())
      .count();
}

void RunLogs::append(const std::string& run, OutputStream stream, std::string_view text) {
  const auto found = logs_.find(run);
  if (found == logs_.end()) return;
  const LogPtr log = found->second;
  Partial& partial = log->partial[stream == OutputStream::kStderr ? 1 : 0];
  while (!text.empty()) {
    const std::size_t newline = text.find('\n');
    const std::size_t room = kMaxLine - partial.text.size();
    const std::size_t size = std::min(newline == text.npos ? text.size() : newline + 1, room);
    if (partial.text.empty()) partial.since = clock_.monotonic();
    partial.text += text.substr(0, size);
    text.remove_prefix(size);
    if (partial.text.ends_with('\n') || partial.text.size() >= kMaxLine)
      add_line(*log, stream, std::exchange(partial.text, {}));
  }
  plan_flush(run, log, kDelay);
}

void RunLogs::plan_flush(const std::string& run, const LogPtr& log, Duration delay) {
  if (std::exchange(log->flush_planned, true)) return;
  loop_.spawn("write a run's log", flush_later(run, log, delay));
}

void RunLogs::add_line(Log& log, OutputStream stream, std::string_view text) {
  ++log.count;
  if (log.lines.size() > kMaxWaiting) {
    log.dropped += text.size();
    return;
  }
  if (log.dropped > 0)
    log.lines += record_of({{"time", now_ms()}, {"gap", std::exchange(log.dropped, 0)}});
  log.lines += record_of({{"time", now_ms()},
                          {"stream", stream == OutputStream::kStderr ? "stderr" : "stdout"},
                          {"text", std::string(text)}});
  tell(log);
}

void RunLogs::tell(Log& log) {
  if (const auto changed = std::exchange(log.changed, nullptr)) changed->set();
}

void RunLogs::end_partials(Log& log, MonotonicTime before) {
  for (const OutputStream stream : {OutputStream::kStdout, OutputStream::kStderr}) {
    Partial& partial = log.partial[stream == OutputStream::kStderr ? 1 : 0];
    if (!partial.text.empty() && partial.since <= before)
      add_line(log, stream, std::exchange(partial.text, {}));
  }
}

net::Task<> RunLogs::flush_later(std::string run, LogPtr log, Duration delay) {
  co_await loop_.sleep(delay);
  log->flush_planned = false;
  end_partials(*log, clock_.monotonic() - kPatience);
  const Status written = co_await flush(run, log);
  const bool partial = !log->partial[0].text.empty() || !log->partial[1].text.empty();
  const bool waits = !written && written.error().kind == ErrorKind::kCapacity;
  if (partial || waits) plan_flush(run, log, waits ? kTryAgain : kDelay);
}

net::Task<Status> RunLogs::flush(std::string run, LogPtr log) {
  if (log->lines.empty() && !log->is_behind) co_return Status{};
  auto write = [log, file = file_of(run), lines = std::exchange(log->lines, {}), max = max_bytes_,
                now = now_ms()] {
    auto append = [&](std::string_view text) {
      if (Status failed = LEANTO_FAILPOINT_STATUS("log.append"); !failed) return failed;
      return append_run_log(file, text, max);
    };
    auto gap = [&](std::uint64_t bytes) { return record_of({{"time", now}, {"gap", bytes}}); };
    return log->backlog.write(lines, append, gap);
  };
  const Status written = co_await loop_.in_background(std::move(write));
  log->is_behind = !written;
  co_return written;
}

net::Task<Result<std::uint64_t>> RunLogs::close(std::string run) {
  if (const auto found = logs_.find(run); found != logs_.end()) {
    const LogPtr log = found->second;
    end_partials(*log, MonotonicTime::max());
    const Status written = co_await flush(run, log);
    if (!written && written.error().kind == ErrorKind::kCapacity)
      co_return Failure(written.error());
    logs_.erase(run);
    tell(*log);
  }
  co_return co_await settle(std::move(run));
}

net::Task<Result<std::uint64_t>> RunLogs::settle(std::string run) {
  if (const auto found = logs_.find(run); found != logs_.end()) {
    const LogPtr log = found->second;
    end_partials(*log, MonotonicTime::max());
    const Status written = co_await flush(run, log);
    if (!written && written.error().kind == ErrorKind::kCapacity)
      co_return Failure(written.error());
  }
  auto measure = [file = file_of(run)]() -> Result<std::uint64_t> {
    return run_log_size(file).value_or(0);
  };
  co_return co_await loop_.in_background(std::move(measure));
}

net::Task<Result<RunLogPiece>> RunLogs::read(std::string run, std::uint64_t offset) {
  if (const auto found = logs_.find(run); found != logs_.end()) {
    const LogPtr log = found->second;
    (void)co_await flush(run, log);
  }
  auto read = [file = file_of(run), offset] { return read_run_log(file, offset, kPiece); };
  co_return co_await loop_.in_background(std::move(read));
}

std::uint64_t RunLogs::lines_of(const std::string& run) const {
  const auto found = logs_.find(run);
  return found == logs_.end() ? 0 : found->second->count;
}

net::Task<> RunLogs::wait(std::string run, std::uint64_t lines, Duration limit) {
  const auto found = logs_.find(run);
  if (found == logs_.end() || found->second->count > lines) co_return;
  if (!found->second->changed) found->second->changed = std::make_shared<net::Event>(loop_);
  const std::shared_ptr<net::Event> changed = found->second->changed;
  co_await changed->wait(limit);
}

}  // namespace leanto::node
