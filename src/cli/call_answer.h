// What `leanto call` was asked, and how it says what came of that: a value on stdout, an error on
// stderr, and the exit code.
#pragma once

#include <signal.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "wire/head.h"

namespace leanto::cli {

struct CallOptions {
  std::string name;
  std::string member;
  std::string args = "[]";
  std::string kwargs = "{}";
  std::string timeout;
  std::optional<std::uint32_t> max_queue;
  bool json = false;
  // Of a call that becomes a run:
  std::string key;
  std::optional<std::uint32_t> retries;  // attempts in all
  bool wait = false;
  bool cancel_on_interrupt = false;
};

// The signal that came since `watch_for_signal`, which blocks it everywhere but where a Connection
// waits for it; 0: none.
extern volatile sig_atomic_t signal_that_came;
void watch_for_signal(int number);

// Return the exit code. `head` is an ERROR frame's.
int say_call_error(const wire::Json& head, const CallOptions& options);
int say_call_error(const Error& error, const CallOptions& options);

void print_call_line(std::string_view json);
// `head` and `body` are a RESULT's.
void print_call_value(const wire::Json& head, std::string_view body, const CallOptions& options);

}  // namespace leanto::cli
