#include "os/failpoint_rules.h"

#include <cerrno>
#include <charconv>
#include <utility>

namespace leanto::failpoints {

namespace {

template <typename Number>
std::optional<Number> read_number(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// Divides at the first `mark`; without one the second part is empty.
std::pair<std::string_view, std::string_view> divide(std::string_view text, char mark) {
  const std::size_t at = text.find(mark);
  if (at == text.npos) return {text, {}};
  return {text.substr(0, at), text.substr(at + 1)};
}

std::optional<int> find_error_number(std::string_view name) {
  if (name == "ENOSPC") return ENOSPC;
  if (name == "EIO") return EIO;
  return std::nullopt;
}

std::optional<Action> parse_action(std::string_view text) {
  if (text == "kill") return Action{ActionKind::kKill, {}, 0};
  auto [word, argument] = divide(text, '(');
  if (argument.data() != nullptr) {
    if (!argument.ends_with(')')) return std::nullopt;
    argument.remove_suffix(1);
  }
  if (word == "error") {
    const auto number = find_error_number(argument);
    return number ? std::optional(Action{ActionKind::kError, {}, *number}) : std::nullopt;
  }
  const auto number = read_number<std::int64_t>(argument);
  const bool is_sleep = word == "sleep";
  if (word.empty() || (!number && (is_sleep || argument.data() != nullptr))) return std::nullopt;
  return Action{is_sleep ? ActionKind::kSleep : ActionKind::kSwitch,
                is_sleep ? std::string() : std::string(word), number.value_or(0)};
}

// Without text: always.
std::optional<When> parse_when(std::string_view text) {
  if (text.data() == nullptr) return When();
  if (const auto [percent, seed] = divide(text, '%'); percent.size() != text.size()) {
    const auto number = read_number<double>(percent);
    if (!number || *number < 0 || *number > 100) return std::nullopt;
    if (seed.empty()) return When{1, false, *number, 0};
    const auto seed_number = read_number<std::uint64_t>(seed.substr(1));
    if (seed[0] != '/' || !seed_number) return std::nullopt;
    return When{1, false, *number, *seed_number};
  }
  const bool is_open = text.ends_with('+');
  if (is_open) text.remove_suffix(1);
  const auto number = read_number<std::uint64_t>(text);
  if (!number || *number == 0) return std::nullopt;
  return When{*number, !is_open, {}, 0};
}

std::optional<Rule> parse_rule(std::string_view text) {
  const auto [point, what] = divide(text, '=');
  const auto [action_text, when_text] = divide(what, '@');
  const auto action = parse_action(action_text);
  const auto when = parse_when(when_text);
  if (point.empty() || !action || !when) return std::nullopt;
  return Rule{std::string(point), *action, *when};
}

// A number below 100 that looks like chance: splitmix64 of the seed and the count.
double draw(std::uint64_t seed, std::uint64_t pass) {
  std::uint64_t mixed = seed + pass * 0x9E3779B97F4A7C15ULL;
  mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9ULL;
  mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBULL;
  mixed ^= mixed >> 31;
  return static_cast<double>(mixed % 1'000'000) / 10'000;
}

}  // namespace

Result<std::vector<Rule>> parse_rules(std::string_view text) {
  std::vector<Rule> rules;
  while (!text.empty()) {
    const auto [first, rest] = divide(text, ';');
    text = rest;
    if (first.empty()) continue;
    std::optional<Rule> rule = parse_rule(first);
    if (!rule) {
      return fail(ErrorKind::kInvalid,
                  "'{}' is no rule for a failpoint; one is POINT=ACTION[@WHEN], where ACTION is "
                  "kill, error(ENOSPC), error(EIO), sleep(MS) or a word of the point's own, and "
                  "WHEN is 3, 3+ or 5%/SEED",
                  first);
    }
    rules.push_back(*std::move(rule));
  }
  return rules;
}

bool is_due(const When& when, std::uint64_t pass) {
  if (when.percent) return draw(when.seed, pass) < *when.percent;
  return when.only_once ? pass == when.from : pass >= when.from;
}

}  // namespace leanto::failpoints
