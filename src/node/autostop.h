// A node that ends itself when nothing has been asked of it for a while, with every client gone and
// nobody there to tell it.
//
// Busy is who has calls or runs. Live objects and connections alone are no reason to go on.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "net/loop.h"

namespace leanto::node {

class Autostop {
 public:
  static constexpr Duration kLeast = std::chrono::seconds(1);

  struct Parts {
    net::Loop& loop;
    const Clock& clock;
    std::filesystem::path file;  // where the setting outlives the node
    std::function<bool()> is_busy;
    std::function<void()> stop;
  };
  explicit Autostop(Parts parts);

  // Nothing: never. kInvalid: less than kLeast.
  Status set(std::optional<Duration> after);
  std::optional<Duration> after() const { return after_; }

  // Something was asked. What only looks (`status`, `offer`) is no work.
  void on_asked(std::string_view op);
  // How long nothing has been asked; none while it's busy.
  Duration idle() const {
    return parts_.is_busy() ? Duration::zero() : parts_.clock.monotonic() - last_work_;
  }
  void on_called() { last_work_ = parts_.clock.monotonic(); }

 private:
  net::Task<> watch();
  bool is_over();

  Parts parts_;
  std::optional<Duration> after_;
  MonotonicTime last_work_;
  bool watches_ = false;
};

}  // namespace leanto::node
