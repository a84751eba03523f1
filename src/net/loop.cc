#include "net/loop.h"

#include <boost/asio/redirect_error.hpp>
#include <exception>
#include <string>

namespace leanto::net {

namespace asio = boost::asio;

Loop::Loop(OnDefect on_defect)
    : keep_running_(asio::make_work_guard(context_)), on_defect_(std::move(on_defect)) {}

Loop::~Loop() { background_.join(); }

void Loop::run() { context_.run(); }

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
