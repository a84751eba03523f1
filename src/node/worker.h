// One worker: the node's side of a Python process that hosts a service.
//
//   starting ── READY ──▶ ready ── retire, or it hangs up ──▶ leaving ──▶ ended
//       └──────────── ERROR, or the process ends ────────────────────────▶ ended
//
// It carries calls to the process and their answers back to `WorkerEvents`, attributes the output
// of its pipes to calls, and, when the process ends, says so once, after everything that came
// before has been handed on.
#pragma once

#include <sys/types.h>

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "base/clock.h"
#include "net/event.h"
#include "net/frame_stream.h"
#include "node/call.h"
#include "node/log_pipe.h"
#include "node/memory_limits.h"
#include "node/output_mask.h"
#include "node/service_spec.h"
#include "node/slot_queue.h"
#include "os/process.h"
#include "os/unique_fd.h"
#include "wire/head.h"

namespace leanto::node {

class Worker;

// What a worker tells its owner; all on the loop.
class WorkerEvents {
 public:
  virtual ~WorkerEvents() = default;
  virtual void on_answer(Worker& worker, wire::FrameType type, std::uint32_t call,
                         std::string_view head, wire::Body body) = 0;
  // Output of a call, or of the service itself when `call` is 0.
  virtual void on_output(Worker& worker, std::uint32_t call, OutputStream stream,
                         std::string_view text) = 0;
  virtual void on_imports(Worker& worker, const wire::Json& modules) = 0;
  virtual void on_ended(Worker& worker) = 0;
};

// The node's ends of what a worker process was given.
struct WorkerChannels {
  UniqueFd main;  // frames
  UniqueFd side;  // descriptors of calls' own pipes
  UniqueFd pass;  // a byte here makes another thread of the worker read
  UniqueFd out;   // its standard output
  UniqueFd err;
  wire::OutputNonce nonce;  // marks its records in `out`
};

// What a worker holds of the machine.
struct WorkerResources {
  HeldSlots slots;
  WorkerMemoryPtr memory;  // none: it has no limit of its own
};

// How a worker's process ended.
struct WorkerEnd {
  std::optional<ExitStatus> status;
  std::optional<MemoryOverrun> overrun;  // it went over its memory limit, and that was the reason

  friend bool operator==(const WorkerEnd&, const WorkerEnd&) = default;
};
std::string describe(const WorkerEnd& end);

enum class WorkerState { kStarting, kReady, kLeaving, kEnded };

class Worker : public std::enable_shared_from_this<Worker> {
 public:
  Worker(net::Loop& loop, net::Outgoing& outgoing, WorkerEvents& events, const Clock& clock,
         ServicePtr service, pid_t pid, WorkerChannels channels);

  // Starts to listen to the process. Called once, before all others.
  void start();
  // Called once, before `load`.
  void give(WorkerResources resources) { resources_ = std::move(resources); }
  // Asks it for something else than a call; one at a time. What it says instead of an answer is
  // an error.
  net::Task<Result<wire::Json>> ask(const wire::Json& words, std::string_view body);
  // Its code was swapped: this is the version that it hosts now.
  void become(ServicePtr service) { service_ = std::move(service); }
  // What it writes from now on goes through the mask.
  void mask_output(OutputMask mask) { mask_ = std::make_unique<OutputMask>(std::move(mask)); }
  // Has the service imported; returns what it offers.
  net::Task<Result<wire::Json>> load(const wire::Json& words, std::string_view values);

  // Instead of `load`: it was loaded by an earlier daemon, for which it carried these calls on.
  void resume(wire::Json offers);

  void send_call(std::uint32_t number, std::string_view head, wire::Body body);
  // Keeps room for a call that is sent later, or lets it go again.
  void hold(std::uint32_t number) { running_.try_emplace(number); }
  void let_go(std::uint32_t number);
  // What it answered to a call isn't on record yet: it keeps that, and doesn't leave before
  // `recorded`.
  void keep_until_recorded(std::uint32_t number) { unrecorded_.insert(number); }
  void recorded(std::uint32_t number);
  void send_cancel(std::uint32_t number);
  void send_credit(std::uint32_t number, std::string_view head);

  // It gets no more calls, and ends when the last has ended.
  void retire();
  // Asks the process group to end; it gets no more calls.
  void terminate();
  // Ends the process group now.
  void kill();
  // The zygote says how the process ended.
  void on_exit(const ExitStatus& status);

  const ServiceSpec& service() const { return *service_; }
  // What the service offers, once it's loaded.
  wire::Json offers() const { return loaded_ && *loaded_ ? **loaded_ : wire::Json::object(); }
  net::Task<> ended() { return ended_.wait(); }
  net::Task<net::Waited> ended(Duration limit) { return ended_.wait(limit); }
  pid_t pid() const { return pid_; }
  // Names the process: a pid may be another one's after a restart of the machine.
  const wire::OutputNonce& nonce() const { return nonce_; }
  WorkerState state() const { return state_; }
  const WorkerEnd& how_it_ended() const { return how_it_ended_; }
  const WorkerResources& resources() const { return resources_; }
  int running() const { return static_cast<int>(running_.size()); }
  int busy() const { return running() - waiting_; }  // calls that wait for calls don't count
  void add_waiting(int change) { waiting_ += change; }
  // When its last call ended, or it started.
  MonotonicTime idle_since() const { return idle_since_; }
  Duration lived() const { return clock_.monotonic() - started_; }
  // It was told to leave, so its end is no failure.
  bool was_retired() const { return was_retired_; }
  bool runs(std::uint32_t number) const { return running_.contains(number); }
  std::vector<std::uint32_t> running_calls() const;

 private:
  net::Task<> receive();
  net::Task<> end_after_exit();
  net::Task<> kill_later();
  void on_frame(wire::Frame& frame);
  void on_load_answer(const wire::Frame& frame);
  void on_asked_answer(const wire::Frame& frame);
  void take_call_pipes(std::uint32_t announced);
  std::optional<std::uint32_t> take_next_pipes();
  void drain_output(std::uint32_t number);
  void attribute(std::uint32_t pipe_call, const OutputPiece& piece);
  void show_masked(std::uint32_t number, OutputStream stream, const std::string& text);
  void flush_mask(std::uint32_t number);
  void close_call(std::uint32_t number);
  void leave_if_idle();
  void end();
  // Something was sent that somebody should read soon, though calls run: has another thread read if
  // this one is busy.
  void want_reader();
  net::Task<> watch_reader();
  void pass_reading_on(int threads);

  net::Loop& loop_;
  WorkerEvents& events_;
  const Clock& clock_;
  ServicePtr service_;
  const pid_t pid_;
  WorkerState state_ = WorkerState::kStarting;
  std::shared_ptr<net::FrameStream> stream_;
  UniqueFd side_;
  UniqueFd pass_;
  const wire::OutputNonce nonce_;
  std::unique_ptr<OutputMask> mask_;  // only of a service with secrets
  LogPipe out_;
  LogPipe err_;
  struct RunningCall {
    std::unique_ptr<LogPipe> out;
    std::unique_ptr<LogPipe> err;
    wire::Body arguments;  // in a file that the worker opens, if they are
  };
  std::unordered_map<std::uint32_t, RunningCall> running_;  // by call number
  std::unordered_set<std::uint32_t> unrecorded_;
  int waiting_ = 0;
  bool was_retired_ = false;
  const MonotonicTime started_;
  MonotonicTime idle_since_;

  struct Asked {
    explicit Asked(net::Loop& loop) : ended(loop) {}
    net::Event ended;
    std::optional<Result<wire::Json>> answer;
  };
  std::shared_ptr<Asked> asked_;
  std::optional<Result<wire::Json>> loaded_;
  net::Event load_ended_;
  WorkerEnd how_it_ended_;
  WorkerResources resources_;
  net::Event stream_ended_;
  net::Event ended_;

  std::uint64_t calls_sent_ = 0;
  std::uint64_t calls_taken_up_ = 0;  // as far as the process has said
  MonotonicTime last_progress_;
  bool watching_ = false;
  std::uint64_t drained_batch_ = 0;
};

}  // namespace leanto::node
