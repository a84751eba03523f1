#include "net/loop.h"

#include <sched.h>

#include <boost/asio/redirect_error.hpp>
#include <chrono>
#include <exception>
#include <string>

#include "base/usable_cpus.h"

namespace leanto::net {

namespace asio = boost::asio;

Loop::Loop(OnDefect on_defect)
    : halt_poll_(static_cast<unsigned>(usable_cpus())),
      keep_running_(asio::make_work_guard(context_)),
      on_defect_(std::move(on_defect)) {}

Loop::~Loop() { background_.join(); }

void Loop::run() {
  while (context_.run_one() > 0) {
    Duration length = halt_poll_.take();
    if (length > Duration(0)) context_.poll();  // what is ready needs no looking for
    while (length > Duration(0) && look_for(length)) length = halt_poll_.take();
  }
}

// Whether something came, which has been handled then. Whoever waits for this core gets it first.
bool Loop::look_for(Duration length) {
  const auto until = std::chrono::steady_clock::now() + length;
  do {
    if (context_.poll() > 0) {
      halt_poll_.found();
      return true;
    }
    ::sched_yield();
  } while (std::chrono::steady_clock::now() < until && !context_.stopped());
  halt_poll_.found_nothing();
  return false;
}

void Loop::stop() { context_.stop(); }

void Loop::spawn(std::string_view name, Task<> task) {
  auto ended = [this, name = std::string(name)](const std::exception_ptr& thrown) {
    if (!thrown) return;
    try {
      std::rethrow_exception(thrown);
    } catch (const std::exception& exception) {
      on_defect_(name, exception.what());
    }
  };
  asio::co_spawn(context_, std::move(task), std::move(ended));
}

void Loop::post(std::function<void()> work) { asio::post(context_, std::move(work)); }

Task<> Loop::sleep(Duration duration) {
  asio::steady_timer timer(context_,
                           std::chrono::duration_cast<asio::steady_timer::duration>(duration));
  boost::system::error_code ignored;
  auto token = asio::redirect_error(asio::use_awaitable, ignored);
  co_await timer.async_wait(token);
}

}  // namespace leanto::net
