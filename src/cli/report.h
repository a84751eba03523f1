// How commands tell people something: amounts and times as people write them, on the screen that
// is there. What went wrong goes to stderr behind "leanto: ".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "wire/head.h"

namespace leanto::cli {

enum class Colour { kNo, kYes };

struct Screen {
  std::size_t width = 100;
  Colour colour = Colour::kNo;
  std::size_t height = 30;
};

// The terminal behind `fd`; without one, and where its size is not known, 100 x 30. Colours
// only on a terminal, and not if the environment has NO_COLOR (no-color.org) or TERM=dumb.
Screen screen_of(int fd);

std::string bold(std::string_view text, Colour colour);
std::string dim(std::string_view text, Colour colour);
std::string green(std::string_view text, Colour colour);
std::string yellow(std::string_view text, Colour colour);
std::string red(std::string_view text, Colour colour);

std::int64_t now_ms();                       // since 1970
std::string human_size(double bytes);        // "12.3 MiB"
std::string human_duration(double seconds);  // "3m 12s": the two largest units
std::string human_time(std::int64_t ms);     // "2025-01-31 14:02", local; since 1970
std::string iso_time(std::int64_t ms);       // "2025-01-31T14:02:11.120+01:00", local
std::string short_version(std::string_view version);
std::string short_path(std::string_view path, std::string_view home);  // "~/demo"
std::string counted(double count, std::string_view noun);              // "1 call", "2 calls"
// The words of `text` in lines of at most `width`; those after the first begin with `indent`
// spaces. A longer word has a line of its own.
std::string wrapped(std::string_view text, std::size_t width, std::size_t indent);

// Members of an answer as people read them: "-" where a member is absent or of another type.
std::string text_of(const wire::Json& row, std::string_view key);
std::string number_of(const wire::Json& row, std::string_view key);
std::string size_of(const wire::Json& row, std::string_view key);
// The member's elements that are maps; empty where there are none.
std::vector<wire::Json> rows_of(const wire::Json& answer, std::string_view key);

void print_json(const wire::Json& value);  // on one line to stdout
// Both return kFailed, for a command to return.
int print_error(std::string_view message);
int print_error(const Error& error);

}  // namespace leanto::cli
