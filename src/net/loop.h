// The loop: one thread that owns all state of a daemon. Whoever holds a Loop& may start tasks on
// it, wait on it, and send blocking work to its one background thread, as values that come back as
// values.
#pragma once

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <functional>
#include <optional>
#include <string_view>
#include <type_traits>

#include "base/clock.h"
#include "net/halt_poll.h"
#include "net/task.h"

namespace leanto::net {

class Loop {
 public:
  // Called with the name of a task and what it threw: a defect of ours, to be logged.
  using OnDefect = std::function<void(std::string_view task, std::string_view what)>;

  explicit Loop(OnDefect on_defect);
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  void run();   // until `stop`
  void stop();  // from the loop's own thread

  // Called from the loop: so many others are at work, and one of them will soon say something here.
  // The loop may then look for it a moment without sleeping.
  void expect_soon(std::size_t others) {
    halt_poll_.expect(static_cast<unsigned>(std::min<std::size_t>(others, 1U << 20)));
  }

  // Starts a task that the loop owns. What it refers to must outlive it or be kept by it.
  void spawn(std::string_view name, Task<> task);
  void post(std::function<void()> work);

  Task<> sleep(Duration duration);

  // Runs `work` on the background thread and resumes here with what it returned. Work of one loop
  // runs one after the other, in the order in which it was given.
  template <typename Work, typename T = std::invoke_result_t<Work>>
  Task<T> in_background(Work work);

  boost::asio::io_context& context() { return context_; }

 private:
  bool look_for(Duration length);

  boost::asio::io_context context_{1};
  HaltPoll halt_poll_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> keep_running_;
  boost::asio::thread_pool background_{1};
  OnDefect on_defect_;
};

template <typename Work, typename T>
Task<T> Loop::in_background(Work work) {
  // The timer never fires: cancelling it is the wake-up, on the loop's own thread.
  boost::asio::steady_timer done(context_, boost::asio::steady_timer::time_point::max());
  std::optional<T> result;
  auto finish = [&done] { done.cancel(); };
  auto run = [&, finish] {
    result.emplace(work());
    boost::asio::post(context_, finish);
  };
  boost::asio::post(background_, run);
  boost::system::error_code ignored;
  auto token = boost::asio::redirect_error(boost::asio::use_awaitable, ignored);
  co_await done.async_wait(token);
  co_return std::move(*result);
}

}  // namespace leanto::net
