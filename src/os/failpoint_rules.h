// What a failpoint is told to do, read from text:
//
//   run.start.synced=kill@3;journal.commit=error(ENOSPC)@5%/17;clock.wall=shift(3600)@200+
//
// POINT=ACTION[@WHEN], any number of them, separated by `;`. Of several rules for one point the
// first that is due counts.
//
//   kill         the process kills itself with SIGKILL
//   error(NAME)  the step fails with this error number: ENOSPC, EIO
//   sleep(MS)    the thread sleeps so many milliseconds
//   WORD, WORD(NUMBER)  a switch of the point: `journal.sync=skip`
//
//   @3    only the third time that the point is passed; without one: each time
//   @3+   from the third time on
//   @5%/17  each time with a probability of 5 in 100, drawn from the seed 17
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace leanto::failpoints {

enum class ActionKind { kKill, kError, kSleep, kSwitch };

struct Action {
  ActionKind kind = ActionKind::kKill;
  std::string word;         // of a switch
  std::int64_t number = 0;  // kError: the error number; kSleep: milliseconds; kSwitch: what it says

  friend bool operator==(const Action&, const Action&) = default;
};

struct When {
  std::uint64_t from = 1;  // the first time, counted from 1
  bool only_once = false;
  std::optional<double> percent{};
  std::uint64_t seed = 0;

  friend bool operator==(const When&, const When&) = default;
};

struct Rule {
  std::string point;
  Action action;
  When when;

  friend bool operator==(const Rule&, const Rule&) = default;
};

// kInvalid, which says what is wrong with which rule.
Result<std::vector<Rule>> parse_rules(std::string_view text);

// Whether a rule is due when its point is passed for the `pass`th time, counted from 1.
bool is_due(const When& when, std::uint64_t pass);

}  // namespace leanto::failpoints
