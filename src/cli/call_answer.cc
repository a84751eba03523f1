#include "cli/call_answer.h"

#include <fmt/format.h>

#include <cstdio>

#include "cli/command.h"
#include "cli/report.h"

namespace leanto::cli {

using wire::Json;

volatile sig_atomic_t signal_that_came = 0;

void watch_for_signal(int number) {
  struct sigaction action{};
  action.sa_handler = [](int signal) { signal_that_came = signal; };
  ::sigaction(number, &action, nullptr);
  sigset_t blocked;
  ::sigemptyset(&blocked);
  ::sigaddset(&blocked, number);
  ::sigprocmask(SIG_BLOCK, &blocked, nullptr);
}

namespace {

int exit_code_of(const Error& error) {
  if (error.kind == ErrorKind::kNotFound) return kNotFound;
  if (error.kind == ErrorKind::kTimeout) return kTimedOut;
  if (error.kind == ErrorKind::kInvalid) return kUsage;
  if (error.kind == ErrorKind::kCancelled && signal_that_came != 0) return kInterrupted;
  return kFailed;
}

}  // namespace

int say_call_error(const Json& head, const CallOptions& options) {
  const Error error = wire::error_from_head(head);
  if (options.json) {
    print_json({{"error", head}});
    return exit_code_of(error);
  }
  const auto traceback = wire::find_string(head, "traceback");
  if (traceback && !traceback->empty()) {
    fmt::print(stderr, "{}{}", *traceback, traceback->ends_with('\n') ? "" : "\n");
  } else {
    print_error(error);
  }
  return exit_code_of(error);
}

int say_call_error(const Error& error, const CallOptions& options) {
  return say_call_error(wire::error_to_json(error), options);
}

void print_call_line(std::string_view json) {
  fmt::print("{}\n", json);
  std::fflush(stdout);
}

void print_call_value(const Json& head, std::string_view body, const CallOptions& options) {
  if (wire::find_flag(head, "self", false)) {
    print_json({{"object", options.name}});
  } else {
    print_call_line(body);
  }
}

}  // namespace leanto::cli
