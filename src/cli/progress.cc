#include "cli/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "cli/report.h"
#include "cli/table_text.h"

namespace leanto::cli {

namespace {

constexpr std::chrono::milliseconds kMoment{300};

bool obeys_escapes(int fd) {
  const char* const term = ::getenv("TERM");
  return ::isatty(fd) == 1 && term != nullptr && std::string_view(term) != "dumb";
}

}  // namespace

Progress::Progress(std::string what)
    : what_(std::move(what)),
      shows_(obeys_escapes(STDERR_FILENO)),
      began_(std::chrono::steady_clock::now()) {}

Progress::~Progress() { end(); }

void Progress::end() {
  if (!std::exchange(shown_, false)) return;
  fmt::print(stderr, "\r\x1b[K");
  std::fflush(stderr);
}

void Progress::tick() {
  const auto taken = std::chrono::steady_clock::now() - began_;
  if (!shows_ || taken < kMoment) return;
  shown_ = true;
  const double seconds = std::chrono::duration<double>(taken).count();
  const std::string line = fmt::format("{} ... {}", what_, human_duration(std::max(1.0, seconds)));
  const std::size_t width = screen_of(STDERR_FILENO).width;
  fmt::print(stderr, "\r{}\x1b[K", cut_text(printable(line), width - 1, CutAt::kEnd));
  std::fflush(stderr);
}

Result<Reply> ask_with_progress(Connection& node, const wire::Json& question, std::string what) {
  Progress progress(std::move(what));
  node.set_on_wait([&] { progress.tick(); });
  Result<Reply> reply = node.ask(question);
  node.set_on_wait(nullptr);
  progress.end();
  return reply;
}

Result<Reply> ask_with_steps(Connection& node, const wire::Json& question, std::string what) {
  Progress progress(std::move(what));
  node.set_on_wait([&] { progress.tick(); });
  node.set_on_log([&](std::string_view text) {
    progress.set(std::string(text.substr(0, text.find('\n'))));
    progress.tick();
  });
  Result<Reply> reply = node.ask(question);
  node.set_on_wait(nullptr);
  node.set_on_log(nullptr);
  progress.end();
  return reply;
}

}  // namespace leanto::cli
