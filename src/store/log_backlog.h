// Lines of a log that could not be written, because the disk is full: they wait here, up to a
// bound, and keep their order. What finds no room is counted, and a line says so in its place.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace leanto {

class LogBacklog {
 public:
  static constexpr std::size_t kMaxBytes = 1 << 20;

  // How lines get into the file: all of them, or none and an error.
  using Append = std::function<Status(std::string_view lines)>;
  // The line that stands for so many bytes.
  using MakeGap = std::function<std::string(std::uint64_t bytes)>;

  // Writes what waits and then `lines`; an error means that something waits (still).
  Status write(std::string_view lines, const Append& append, const MakeGap& make_gap);

  bool is_empty() const { return waiting_.empty() && dropped_ == 0; }

 private:
  Status write_waiting(const Append& append, const MakeGap& make_gap);
  void keep(std::string_view lines);

  std::string waiting_;
  std::uint64_t dropped_ = 0;  // bytes of lines that came after those in `waiting_`
};

}  // namespace leanto
