#include "cli/report.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "cli/command.h"
#include "cli/table_text.h"

namespace leanto::cli {

namespace {

bool wants_colour(int fd) {
  const char* no_color = ::getenv("NO_COLOR");
  if (no_color != nullptr && *no_color != '\0') return false;
  const char* term = ::getenv("TERM");
  return ::isatty(fd) == 1 && term != nullptr && std::string_view(term) != "dumb";
}

std::string painted(std::string_view text, std::string_view code, Colour colour) {
  if (colour == Colour::kNo) return std::string(text);
  return fmt::format("\x1b[{}m{}\x1b[0m", code, text);
}

tm local_time(std::int64_t ms) {
  const time_t seconds = ms >= 0 ? ms / 1000 : (ms - 999) / 1000;
  tm local{};
  ::localtime_r(&seconds, &local);
  return local;
}

}  // namespace

Screen screen_of(int fd) {
  Screen screen;
  winsize size{};
  if (::ioctl(fd, TIOCGWINSZ, &size) == 0) {
    if (size.ws_col > 0) screen.width = size.ws_col;
    if (size.ws_row > 0) screen.height = size.ws_row;
  }
  screen.colour = wants_colour(fd) ? Colour::kYes : Colour::kNo;
  return screen;
}

std::int64_t now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::string bold(std::string_view text, Colour colour) { return painted(text, "1", colour); }
std::string dim(std::string_view text, Colour colour) { return painted(text, "2", colour); }
std::string green(std::string_view text, Colour colour) { return painted(text, "32", colour); }
std::string yellow(std::string_view text, Colour colour) { return painted(text, "33", colour); }
std::string red(std::string_view text, Colour colour) { return painted(text, "1;31", colour); }

std::string human_size(double bytes) {
  constexpr std::array<std::string_view, 6> kUnits{"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  bytes = std::max(bytes, 0.0);
  std::size_t unit = 0;
  // What would be rounded to 1024.0 is one of the next unit.
  while (unit + 1 < kUnits.size() && bytes >= (unit == 0 ? 1024 : 1023.95)) {
    bytes /= 1024;
    ++unit;
  }
  return fmt::format("{:.{}f} {}", bytes, unit == 0 ? 0 : 1, kUnits[unit]);
}

std::string human_duration(double seconds) {
  if (!(seconds > 0)) return "0s";
  if (seconds < 0.9995) return fmt::format("{:.0f}ms", std::ceil(seconds * 1000));
  const auto total = static_cast<std::int64_t>(std::min(seconds + 0.0005, 1e12));
  const auto days = total / 86400, hours = total / 3600 % 24, minutes = total / 60 % 60;
  if (days > 0) return fmt::format("{}d {}h", days, hours);
  if (hours > 0) return fmt::format("{}h {}m", hours, minutes);
  if (minutes > 0) return fmt::format("{}m {}s", minutes, total % 60);
  return fmt::format("{}s", total);
}

std::string human_time(std::int64_t ms) {
  const tm local = local_time(ms);
  std::array<char, 64> text{};
  ::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M", &local);
  return text.data();
}

std::string iso_time(std::int64_t ms) {
  const tm local = local_time(ms);
  std::array<char, 64> text{};
  ::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &local);
  const long offset = local.tm_gmtoff / 60;
  return fmt::format("{}.{:03}{}{:02}:{:02}", text.data(), (ms % 1000 + 1000) % 1000,
                     offset < 0 ? '-' : '+', std::abs(offset) / 60, std::abs(offset) % 60);
}

std::string short_version(std::string_view version) { return std::string(version.substr(0, 8)); }

std::string short_path(std::string_view path, std::string_view home) {
  while (home.ends_with('/')) home.remove_suffix(1);
  const bool below = !home.empty() && path.starts_with(home) &&
                     (path.size() == home.size() || path[home.size()] == '/');
  return below ? "~" + std::string(path.substr(home.size())) : std::string(path);
}

std::string counted(double count, std::string_view noun) {
  return fmt::format("{:.0f} {}{}", count, noun, count == 1 ? "" : "s");
}

std::string wrapped(std::string_view text, std::size_t width, std::size_t indent) {
  std::string out;
  std::size_t column = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::size_t needed = display_width(word) + (column > 0 ? 1 : 0);
    if (!out.empty() && column + needed > width) {
      out += "\n" + std::string(indent, ' ');
      column = indent;
    } else if (!out.empty()) {
      out += ' ';
      ++column;
    }
    out += word;
    column += display_width(word);
  }
  return out;
}

std::string text_of(const wire::Json& row, std::string_view key) {
  const std::string text = wire::find_string(row, key).value_or("");
  return text.empty() ? "-" : text;
}

std::string number_of(const wire::Json& row, std::string_view key) {
  const auto number = wire::find_number(row, key);
  return number ? fmt::format("{:.0f}", *number) : "-";
}

std::string size_of(const wire::Json& row, std::string_view key) {
  const auto bytes = wire::find_number(row, key);
  return bytes ? human_size(*bytes) : "-";
}

std::vector<wire::Json> rows_of(const wire::Json& answer, std::string_view key) {
  std::vector<wire::Json> rows;
  const auto found = answer.find(key);
  if (found == answer.end() || !found->is_array()) return rows;
  auto is_map = [](const wire::Json& row) { return row.is_object(); };
  std::copy_if(found->begin(), found->end(), std::back_inserter(rows), is_map);
  return rows;
}

void print_json(const wire::Json& value) {
  fmt::print("{}\n", value.dump(-1, ' ', false, wire::Json::error_handler_t::replace));
}

int print_error(std::string_view message) {
  std::fflush(stdout);
  fmt::print(stderr, "leanto: {}\n", message);
  return kFailed;
}

int print_error(const Error& error) { return print_error(std::string_view(error.message)); }

}  // namespace leanto::cli
