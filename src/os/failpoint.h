// Failpoints: named steps in the daemon's code at which a test has the process die, fail or wait.
//
//   LEANTO_FAILPOINT("run.start.synced");
//   if (Status failed = LEANTO_FAILPOINT_STATUS("journal.commit"); !failed) return failed;
//   if (const auto seconds = LEANTO_FAILPOINT_SWITCH("clock.wall", "shift")) ...
//
// They are only in binaries that are built with the CMake option LEANTO_FAILPOINTS (the preset
// `chaos`); in all others a point is nothing, and nothing reads the variables below. Even there a
// point does nothing until `arm` has read what to do from the environment:
//
//   LEANTO_FAILPOINTS=RULES          see failpoint_rules.h
//   LEANTO_FAILPOINTS=file:PATH      the first line of the file has the rules; it's taken off, so
//                                    each daemon that starts gets the next one
//   LEANTO_FAILPOINTS_LOG=PATH       a line for each point that was reached the first time and for
//                                    each rule that was due: "MILLISECONDS PID WHAT POINT PASS",
//                                    by the monotonic clock
//
// Rules for a point that doesn't exist are an error, which lists those that do; so are `list` rules
// ("LEANTO_FAILPOINTS=list"). Points name themselves: there is no list to keep. They are the one
// thing here that is global, because a point must cost its place one line and no parameter.
#pragma once

#include <cstdint>
#include <optional>

#include "base/result.h"

#ifdef LEANTO_FAILPOINTS

#include <algorithm>
#include <string_view>

namespace leanto::failpoints {

enum class PointKind { kStep, kFallible, kSwitch };

class Point;
// Makes it known; called before `main`.
Point& add_point(std::string_view name, PointKind kind, std::string_view word);
// Does what is due; returns the error number or what the switch says, if it's one of these.
std::optional<std::int64_t> pass(Point& point);
// The Error for an error number.
Status status_of(std::optional<std::int64_t> error_number, std::string_view point);
// Reads what to do from the environment. kInvalid: it makes no sense.
Status arm();

template <std::size_t kSize>
struct Text {
  char characters[kSize];
  consteval Text(const char (&text)[kSize]) { std::copy_n(text, kSize, characters); }
  constexpr std::string_view view() const { return {characters, kSize - 1}; }
};

template <Text name, PointKind kind, Text word = "">
struct Place {
  static inline Point& point = add_point(name.view(), kind, word.view());
};

}  // namespace leanto::failpoints

#define LEANTO_FAILPOINT(name)       \
  ((void)::leanto::failpoints::pass( \
      ::leanto::failpoints::Place<name, ::leanto::failpoints::PointKind::kStep>::point))
#define LEANTO_FAILPOINT_STATUS(name)                                                            \
  ::leanto::failpoints::status_of(                                                               \
      ::leanto::failpoints::pass(                                                                \
          ::leanto::failpoints::Place<name, ::leanto::failpoints::PointKind::kFallible>::point), \
      name)
#define LEANTO_FAILPOINT_SWITCH(name, word) \
  ::leanto::failpoints::pass(               \
      ::leanto::failpoints::Place<name, ::leanto::failpoints::PointKind::kSwitch, word>::point)
#define LEANTO_FAILPOINTS_ARM() ::leanto::failpoints::arm()

#else

#define LEANTO_FAILPOINT(name) ((void)0)
#define LEANTO_FAILPOINT_STATUS(name) ::leanto::Status()
#define LEANTO_FAILPOINT_SWITCH(name, word) std::optional<std::int64_t>()
#define LEANTO_FAILPOINTS_ARM() ::leanto::Status()

#endif
