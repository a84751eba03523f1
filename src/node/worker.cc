#include "node/worker.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/byte_size.h"
#include "node/file_body.h"
#include "os/fd_passing.h"

namespace leanto::node {

using namespace std::chrono_literals;
using wire::FrameType;

namespace {

// Importing torch on a busy machine takes a while; a module that never ends importing must end.
constexpr Duration kLoadLimit = 10min;
// What a dead process wrote lies in the sockets already; reading it takes a moment.
constexpr Duration kDrainLimit = 200ms;
constexpr Duration kLeaveLimit = 5s;
// A call that runs longer than this has another thread of its worker take up what comes next.
constexpr Duration kPatience = 1ms;
constexpr int kMaxThreadsAtOnce = 128;

Error error_with_traceback(const wire::Json& head) {
  Error error = wire::error_from_head(head);
  const auto traceback = wire::find_string(head, "traceback");
  if (traceback && !traceback->empty()) error.message += "\n\n" + *traceback;
  return error;
}

}  // namespace

std::string describe(const WorkerEnd& end) {
  if (!end.overrun) return end.status ? describe(*end.status) : "it ended";
  const std::string limit = format_byte_size(end.overrun->limit);
  if (!end.overrun->peak) return "it went over its memory limit of " + limit;
  return fmt::format("it went over its memory limit of {}; the most it used was {}", limit,
                     format_byte_size(*end.overrun->peak));
}

Worker::Worker(net::Loop& loop, net::Outgoing& outgoing, WorkerEvents& events, const Clock& clock,
               ServicePtr service, pid_t pid, WorkerChannels channels)
    : loop_(loop),
      events_(events),
      clock_(clock),
      service_(std::move(service)),
      pid_(pid),
      stream_(std::make_shared<net::FrameStream>(loop, outgoing, channels.main.release())),
      side_(std::move(channels.side)),
      pass_(std::move(channels.pass)),
      nonce_(channels.nonce),
      out_(loop, std::move(channels.out), OutputStream::kStdout, nonce_,
           [this](const OutputPiece& piece) { attribute(0, piece); }),
      err_(loop, std::move(channels.err), OutputStream::kStderr, nonce_,
           [this](const OutputPiece& piece) { attribute(0, piece); }),
      started_(clock.monotonic()),
      idle_since_(started_),
      load_ended_(loop),
      stream_ended_(loop),
      ended_(loop) {}

void Worker::start() { loop_.spawn("worker", receive()); }

net::Task<> Worker::receive() {
  const std::shared_ptr<Worker> self = shared_from_this();
  auto on_frame = [this](wire::Frame& frame) { this->on_frame(frame); };
  net::FrameStream::OnFrame handler = on_frame;
  const Status status = co_await stream_->receive(std::move(handler));
  if (!status) kill();  // it does not speak our protocol any more
  if (state_ == WorkerState::kStarting || state_ == WorkerState::kReady) {
    state_ = WorkerState::kLeaving;  // it will not hear of another call
    loop_.spawn("worker leaves", kill_later());
  }
  stream_ended_.set();
}

net::Task<Result<wire::Json>> Worker::load(const wire::Json& words, std::string_view values) {
  const std::shared_ptr<Worker> self = shared_from_this();
  stream_->send(FrameType::kAsk, 0, wire::encode_head(words), wire::Body(values));
  if (co_await load_ended_.wait(kLoadLimit) == net::Waited::kTimedOut) {
    kill();
    co_return fail(ErrorKind::kTimeout, "{}: its module was not imported within 10 minutes",
                   service_->name);
  }
  co_return *loaded_;
}

void Worker::send_call(std::uint32_t number, std::string_view head, wire::Body body) {
  RunningCall& call = running_.try_emplace(number).first->second;
  const bool behind = running_.size() > 1;
  ++calls_sent_;
  if (const std::optional<std::string> naming = head_naming_file(head, body)) {
    stream_->send(FrameType::kCall, number, *naming);
    call.arguments = std::move(body);
  } else {
    stream_->send(FrameType::kCall, number, head, std::move(body));
  }
  if (behind) {
    want_reader();
  } else {
    last_progress_ = clock_.monotonic();
  }
}

void Worker::resume(wire::Json offers) {
  loaded_ = std::move(offers);
  state_ = WorkerState::kReady;
  load_ended_.set();
}

void Worker::recorded(std::uint32_t number) {
  if (unrecorded_.erase(number) == 0) return;
  stream_->send(FrameType::kRecorded, number, {});
  leave_if_idle();
}

void Worker::let_go(std::uint32_t number) {
  close_call(number);
  leave_if_idle();
}

void Worker::send_cancel(std::uint32_t number) {
  stream_->send(FrameType::kCancel, number, {});
  want_reader();
}

void Worker::send_credit(std::uint32_t number, std::string_view head) {
  stream_->send(FrameType::kCredit, number, head);
  want_reader();
}

void Worker::on_frame(wire::Frame& frame) {
  last_progress_ = clock_.monotonic();
  switch (frame.type) {
    case FrameType::kResult:
    case FrameType::kError:
      if (frame.stream == 0) {
        loaded_ ? on_asked_answer(frame) : on_load_answer(frame);
        break;
      }
      [[fallthrough]];
    case FrameType::kYield:
      if (!running_.contains(frame.stream)) break;
      drain_output(frame.stream);
      if (frame.type != FrameType::kYield) close_call(frame.stream);
      events_.on_answer(*this, frame.type, frame.stream, frame.head, std::move(frame.body));
      leave_if_idle();
      break;
    case FrameType::kReady:
      on_load_answer(frame);
      break;
    case FrameType::kReading:
      if (const auto head = wire::decode_head(frame.head)) {
        calls_taken_up_ = static_cast<std::uint64_t>(wire::find_number(*head, "n").value_or(0));
      }
      break;
    case FrameType::kImports:
      if (const auto head = wire::decode_head(frame.head); head && head->contains("modules")) {
        events_.on_imports(*this, (*head)["modules"]);
      }
      break;
    case FrameType::kPipes:
      take_call_pipes(frame.stream);
      break;
    default:
      break;  // a worker has nothing else to say
  }
}

void Worker::on_load_answer(const wire::Frame& frame) {
  if (loaded_) return;
  drain_output(0);
  flush_mask(0);
  const Result<wire::Json> head = wire::decode_head(frame.head);
  if (!head) {
    loaded_ = Failure(head.error());
  } else if (frame.type == FrameType::kReady) {
    if (state_ == WorkerState::kStarting) state_ = WorkerState::kReady;
    loaded_ = head->value("describe", wire::Json::object());
  } else {
    loaded_ = Failure(error_with_traceback(*head));
  }
  load_ended_.set();
}

net::Task<Result<wire::Json>> Worker::ask(const wire::Json& words, std::string_view body) {
  const std::shared_ptr<Worker> self = shared_from_this();
  const auto asked = std::make_shared<Asked>(loop_);
  if (state_ != WorkerState::kReady) {
    co_return fail(ErrorKind::kWorkerDied, "its process has ended");
  }
  asked_ = asked;
  stream_->send(FrameType::kAsk, 0, wire::encode_head(words), wire::Body(body));
  want_reader();
  if (co_await asked->ended.wait(kLoadLimit) == net::Waited::kTimedOut) {
    co_return fail(ErrorKind::kTimeout, "it did not answer within 10 minutes");
  }
  co_return *asked->answer;
}

void Worker::on_asked_answer(const wire::Frame& frame) {
  if (!asked_) return;
  drain_output(0);
  flush_mask(0);
  const std::shared_ptr<Asked> asked = std::exchange(asked_, nullptr);
  Result<wire::Json> head = wire::decode_head(frame.head);
  if (head && frame.type == FrameType::kError) {
    asked->answer = Failure(error_with_traceback(*head));
  } else {
    asked->answer = std::move(head);
  }
  asked->ended.set();
}

void Worker::close_call(std::uint32_t number) {
  const auto call = running_.find(number);
  if (call == running_.end()) return;
  if (call->second.out) {
    call->second.out->finish();
    call->second.err->finish();
  }
  flush_mask(number);
  running_.erase(number);
  if (running_.empty()) idle_since_ = clock_.monotonic();
}

void Worker::retire() {
  was_retired_ = true;
  if (state_ == WorkerState::kReady || state_ == WorkerState::kStarting)
    state_ = WorkerState::kLeaving;
  leave_if_idle();
}

void Worker::leave_if_idle() {
  if (state_ != WorkerState::kLeaving || !running_.empty() || !unrecorded_.empty()) return;
  if (!stream_->is_open()) return;
  stream_->flush();
  stream_->close();  // the process sees the end of file, runs its exit handlers and ends
  loop_.spawn("worker leaves", kill_later());
}

net::Task<> Worker::kill_later() {
  const std::shared_ptr<Worker> self = shared_from_this();
  co_await loop_.sleep(kLeaveLimit);
  kill();
}

void Worker::terminate() {
  retire();
  if (state_ != WorkerState::kEnded) (void)kill_group(pid_, SIGTERM);
}

void Worker::kill() {
  if (state_ != WorkerState::kEnded) (void)kill_group(pid_, SIGKILL);
}

void Worker::on_exit(const ExitStatus& status) {
  if (how_it_ended_.status) return;
  how_it_ended_.status = status;
  if (state_ != WorkerState::kEnded)
    state_ = WorkerState::kLeaving;  // no call may be given to it any more
  loop_.spawn("worker ended", end_after_exit());
}

net::Task<> Worker::end_after_exit() {
  const std::shared_ptr<Worker> self = shared_from_this();
  // A child that user code forked may hold the connection open; what the worker itself sent is here
  // by then.
  co_await stream_ended_.wait(kDrainLimit);
  end();
}

void Worker::end() {
  if (state_ == WorkerState::kEnded) return;
  state_ = WorkerState::kEnded;  // first: what its calls make room for must go to another worker
  if (resources_.memory) {
    const MemoryUse use = resources_.memory->use();
    if (use.exceeded) how_it_ended_.overrun = MemoryOverrun{use.limit, use.peak};
  }
  out_.finish();
  err_.finish();
  while (!running_.empty()) {
    const std::uint32_t number = running_.begin()->first;
    drain_output(number);
    close_call(number);
    events_.on_answer(*this, FrameType::kError, number, {}, {});
  }
  flush_mask(0);
  stream_->close();
  if (!loaded_) {
    loaded_ =
        Failure(Error{how_it_ended_.overrun ? ErrorKind::kOutOfMemory : ErrorKind::kWorkerDied,
                      fmt::format("{}: the worker ended while its module was imported: {}",
                                  service_->name, describe(how_it_ended_)),
                      how_it_ended_.overrun});
    load_ended_.set();
  }
  if (const auto asked = std::exchange(asked_, nullptr)) {
    asked->answer = fail(ErrorKind::kWorkerDied, "its process has ended");
    asked->ended.set();
  }
  ended_.set();
  events_.on_ended(*this);
}

void Worker::want_reader() {
  if (watching_ || calls_taken_up_ >= calls_sent_) return;
  if (clock_.monotonic() - last_progress_ >= kPatience) pass_reading_on(1);
  watching_ = true;
  loop_.spawn("watch the reader", watch_reader());
}

net::Task<> Worker::watch_reader() {
  const std::shared_ptr<Worker> self = shared_from_this();
  // As long as nothing is heard, twice as many threads each time: a thousand calls that wait for
  // something are all taken up within some 10 ms, and a moment of silence among short calls costs
  // one wake-up.
  int threads = 1;
  while (running_.size() > 0 && calls_taken_up_ < calls_sent_) {
    co_await loop_.sleep(kPatience);
    const bool silent = clock_.monotonic() - last_progress_ >= kPatience;
    if (silent) pass_reading_on(threads);
    threads = silent ? std::min(2 * threads, kMaxThreadsAtOnce) : 1;
  }
  watching_ = false;
}

void Worker::pass_reading_on(int threads) {
  const std::string bytes(static_cast<std::size_t>(threads), 'p');
  if (::write(pass_.get(), bytes.data(), bytes.size()) < 0)
    return;  // full: it has been told often enough
}

std::vector<std::uint32_t> Worker::running_calls() const {
  std::vector<std::uint32_t> numbers;
  for (const auto& [number, pipes] : running_) numbers.push_back(number);
  return numbers;
}

}  // namespace leanto::node
