#include "cli/call_run.h"

#include <fmt/format.h>

#include <cstdio>
#include <optional>
#include <string>

#include "cli/caller.h"
#include "cli/command.h"
#include "cli/logs_run.h"
#include "cli/report.h"
#include "cli/runs_report.h"

namespace leanto::cli {

using wire::Json;

namespace {

// What lt.Retry(N) says.
Json retry_words(std::uint32_t attempts) {
  return {{"attempts", attempts},
          {"kinds", {"out_of_memory", "worker_died"}},
          {"types", {"Exception"}}};
}

int exit_code_of_signal(int signal) { return signal == SIGTERM ? kTerminated : kInterrupted; }

int say_submitted(const Json& run, const CallOptions& options) {
  if (options.json) {
    print_json(run);
    return kOk;
  }
  const bool is_new = wire::find_flag(run, "new", true);
  fmt::print("{} is {}run of {} ({}); `leanto wait {}` says how it ends\n", text_of(run, "id"),
             is_new ? "a " : "the ", text_of(run, "service"),
             is_new ? "its key is " + options.key
                    : fmt::format("{}: it has the key {}", text_of(run, "status"), options.key),
             options.key);
  return kOk;
}

class WaitedRun {
 public:
  WaitedRun(Connection& node, const CallOptions& options, std::string id)
      : node_(node), options_(options), id_(std::move(id)) {}

  int follow() {
    const RunLogOptions asked{id_, std::nullopt, true, LogStyle::kText};
    RunLog log(node_, asked);
    while (!log.ended()) {
      const auto lines = log.read(RunLog::kWaitSeconds);
      if (!lines) {
        if (const auto code = on_failure(lines.error())) return *code;
        continue;
      }
      for (const RunLog::Line& line : *lines) fmt::print(stderr, "{}", line.text);
    }
    return say_outcome();
  }

 private:
  // The exit code if this is the end of it.
  std::optional<int> on_failure(const Error& error) {
    const int signal = signal_that_came;
    if (signal == 0) {
      const int code = say_call_error(error, options_);
      return node_.is_lost() ? kNotRunning : code;
    }
    if (!options_.cancel_on_interrupt || cancelled_by_ != 0) return leave(signal);
    cancelled_by_ = signal;
    signal_that_came = 0;
    const Result<Reply> reply = node_.ask_again(
        {{"op", "run_cancel"}, {"id", id_}, {"reason", "whoever waited for it was interrupted"}});
    if (reply) return std::nullopt;
    if (signal_that_came != 0) return leave(signal_that_came);
    return say_call_error(reply.error(), options_);
  }

  int leave(int signal) {
    const std::string& key = options_.key;
    if (cancelled_by_ == 0) {
      print_error(fmt::format(
          "the run {} goes on; `leanto wait {}` waits for it, `leanto cancel {}` ends it", id_, key,
          key));
    } else {
      print_error(fmt::format(
          "the run {} is being cancelled; `leanto wait {}` says when it is gone", id_, key));
    }
    return exit_code_of_signal(signal);
  }

  int say_outcome() {
    Result<Reply> reply = node_.ask_again({{"op", "run_result"}, {"id", id_}});
    while (!reply) {
      if (const auto code = on_failure(reply.error())) return *code;
      reply = node_.ask_again({{"op", "run_result"}, {"id", id_}});
    }
    const int code = print_outcome(*reply);
    return cancelled_by_ == 0 ? code : exit_code_of_signal(cancelled_by_);
  }

  int print_outcome(const Reply& reply) {
    const std::string status = text_of(reply.head, "status");
    const Json error = reply.head.value("error", Json());
    if (!error.is_object()) {
      print_call_value(reply.head.value("said", Json::object()), reply.body, options_);
      return exit_code_of(status);
    }
    const int code = say_call_error(error, options_);
    return code == kTimedOut ? code : exit_code_of(status);
  }

  Connection& node_;
  const CallOptions& options_;
  const std::string id_;
  int cancelled_by_ = 0;  // a signal
};

}  // namespace

int call_as_run(Connection& node, const CallOptions& options, Json call, std::string_view body) {
  call["key"] = options.key;
  if (options.retries) call["retries"] = retry_words(*options.retries);
  if (options.wait) {
    node.set_gives_up_on_signal();
    watch_for_signal(SIGINT);
    if (options.cancel_on_interrupt) watch_for_signal(SIGTERM);
  }
  // With a key it's the same run, however often the node hears of it.
  const Result<Reply> reply =
      node.ask_again({{"op", "submit"}, {"caller", say_caller()}, {"call", std::move(call)}}, body);
  if (!reply && signal_that_came != 0) {
    print_error(
        fmt::format("it is not known whether the run was submitted before you left; `leanto "
                    "run {0}` says so, and `leanto cancel {0}` ends it",
                    options.key));
    return exit_code_of_signal(signal_that_came);
  }
  if (!reply) {
    const int code = say_call_error(reply.error(), options);
    return node.is_lost() ? kNotRunning : code;
  }
  if (!options.wait) return say_submitted(reply->head, options);
  return WaitedRun(node, options, text_of(reply->head, "id")).follow();
}

}  // namespace leanto::cli
