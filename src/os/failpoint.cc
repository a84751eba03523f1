#include "os/failpoint.h"

#ifdef LEANTO_FAILPOINTS

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <list>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "os/failpoint_rules.h"
#include "os/files.h"

namespace leanto::failpoints {

class Point {
 public:
  Point(std::string_view its_name, PointKind its_kind, std::string_view its_word)
      : name(its_name), kind(its_kind), word(its_word) {}

  const std::string name;
  const PointKind kind;
  const std::string word;  // of a switch
  std::vector<Rule> rules;
  std::uint64_t passes = 0;
};

namespace {

struct Points {
  std::mutex mutex;  // points are passed by the loop and by the background thread
  std::list<Point> all;
  bool is_armed = false;
  int log = -1;
};

Points& points() {
  static Points all;
  return all;
}

std::string find_variable(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// With one write, so that lines of several processes don't mix.
void note(int log, std::string_view what, const Point& point) {
  if (log < 0) return;
  const auto now = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::steady_clock::now().time_since_epoch());
  const std::string line =
      fmt::format("{} {} {} {} {}\n", now.count(), ::getpid(), what, point.name, point.passes);
  (void)!::write(log, line.data(), line.size());
}

std::string_view name_of(ActionKind kind) {
  switch (kind) {
    case ActionKind::kKill:
      return "kill";
    case ActionKind::kError:
      return "error";
    case ActionKind::kSleep:
      return "sleep";
    default:
      return "switch";
  }
}

bool is_known_to(const Point& point, const Action& action) {
  if (action.kind == ActionKind::kSwitch)
    return point.kind == PointKind::kSwitch && point.word == action.word;
  if (point.kind == PointKind::kSwitch) return false;
  return action.kind != ActionKind::kError || point.kind == PointKind::kFallible;
}

std::string describe(const Point& point) {
  if (point.kind == PointKind::kSwitch) return fmt::format("{}={}", point.name, point.word);
  return point.name + (point.kind == PointKind::kFallible ? " (may fail)" : "");
}

Failure unknown(const Rule& rule, const Points& known) {
  std::vector<std::string> names;
  for (const Point& point : known.all) names.push_back(describe(point));
  std::sort(names.begin(), names.end());
  std::string list;
  for (const std::string& name : names) list += "\n  " + name;
  return fail(ErrorKind::kInvalid, "there is no failpoint '{}' that can do this; there are:{}",
              rule.point, list);
}

// The first line, which is taken off. The daemon holds its lock, so it's alone here.
Result<std::string> take_line(const std::string& path) {
  Result<std::string> text = read_file(path);
  if (!text) return text;
  const std::size_t end = text->find('\n');
  if (Status left = write_file_atomically(path, end == text->npos ? "" : text->substr(end + 1));
      !left)
    return Failure(left.error());
  return text->substr(0, end);
}

Result<std::vector<Rule>> read_rules() {
  std::string said = find_variable("LEANTO_FAILPOINTS");
  if (said == "list") said = "list=kill";
  if (said.starts_with("file:")) {
    Result<std::string> line = take_line(said.substr(5));
    if (!line) return Failure(line.error());
    said = *std::move(line);
  }
  return parse_rules(said);
}

// The rule that is due, if there is one.
std::optional<Action> count_pass(Point& point) {
  Points& all = points();
  const std::lock_guard lock(all.mutex);
  if (!all.is_armed) return std::nullopt;
  ++point.passes;
  if (point.passes == 1) note(all.log, "reached", point);
  for (const Rule& rule : point.rules) {
    if (!is_due(rule.when, point.passes)) continue;
    // A switch that stays on is noted once.
    if (rule.action.kind != ActionKind::kSwitch || point.passes == rule.when.from)
      note(all.log, name_of(rule.action.kind), point);
    return rule.action;
  }
  return std::nullopt;
}

}  // namespace

Point& add_point(std::string_view name, PointKind kind, std::string_view word) {
  return points().all.emplace_back(name, kind, word);
}

Status arm() {
  const Result<std::vector<Rule>> rules = read_rules();
  if (!rules) return Failure(rules.error());
  Points& all = points();
  const std::lock_guard lock(all.mutex);
  for (const Rule& rule : *rules) {
    bool is_known = false;
    for (Point& point : all.all) {
      if (point.name != rule.point || !is_known_to(point, rule.action)) continue;
      point.rules.push_back(rule);
      is_known = true;
    }
    if (!is_known) return unknown(rule, all);
  }
  if (const std::string path = find_variable("LEANTO_FAILPOINTS_LOG"); !path.empty())
    all.log = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  all.is_armed = true;
  return {};
}

std::optional<std::int64_t> pass(Point& point) {
  const std::optional<Action> action = count_pass(point);
  if (!action) return std::nullopt;
  switch (action->kind) {
    case ActionKind::kKill:
      ::kill(::getpid(), SIGKILL);
      ::pause();  // the signal may take a moment to arrive
      return std::nullopt;
    case ActionKind::kSleep:
      std::this_thread::sleep_for(std::chrono::milliseconds(action->number));
      return std::nullopt;
    default:
      return action->number;
  }
}

Status status_of(std::optional<std::int64_t> error_number, std::string_view point) {
  if (!error_number) return {};
  return file_failure(static_cast<int>(*error_number), "pass the failpoint", point);
}

}  // namespace leanto::failpoints

#endif
