// For tests: a loop that is run until something holds. A task that throws fails the test.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <utility>

#include "net/loop.h"

namespace leanto::net {

class TestLoop {
 public:
  TestLoop()
      : loop([](std::string_view task, std::string_view what) {
          ADD_FAILURE() << task << ": " << what;
        }) {}

  // False if `done` does not hold even after a time in which everything would have happened.
  template <typename Done>
  [[nodiscard]] bool run_until(Done done) {
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!done()) {
      if (std::chrono::steady_clock::now() > give_up) return false;
      loop.context().run_one_for(std::chrono::milliseconds(100));
    }
    return true;
  }

  // Runs what is ready to run, and what that makes ready; waits for nothing.
  void settle() {
    while (loop.context().poll() > 0) {
    }
  }

  // What a task returns.
  template <typename T>
  T get(Task<T> task) {
    std::optional<T> result;
    auto run = [](Task<T> inner, std::optional<T>& out) -> Task<> {
      out.emplace(co_await std::move(inner));
    };
    loop.spawn("task under test", run(std::move(task), result));
    if (!run_until([&] { return result.has_value(); }))
      throw std::runtime_error("the task does not end");
    return *std::move(result);
  }
  void run(Task<> task) {
    bool done = false;
    auto wait = [](Task<> inner, bool& out) -> Task<> {
      co_await std::move(inner);
      out = true;
    };
    loop.spawn("task under test", wait(std::move(task), done));
    EXPECT_TRUE(run_until([&] { return done; }));
  }

  Loop loop;
};

}  // namespace leanto::net
