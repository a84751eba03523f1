#include "wire/join_word.h"

#include <algorithm>
#include <charconv>

namespace leanto::wire {

namespace {

constexpr std::string_view kScheme = "leanto://";
constexpr std::size_t kMaxHost = 255;
constexpr std::size_t kMaxText = 2000;

Failure no_join_word(std::string_view why) {
  return fail(ErrorKind::kInvalid,
              "the url of a node is like leanto://10.0.0.7:7433, or the word that `leanto token "
              "create --join` prints; this one {}",
              why);
}

// Nothing that a log or a terminal would take for something else.
bool is_plain(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == '_' || c == ':' || c == '%';
  });
}

Status read_query(std::string_view query, JoinWord& word) {
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    const std::size_t equals = pair.find('=');
    const std::string_view key = pair.substr(0, equals);
    const std::string_view value =
        equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1);
    if (!is_plain(value)) return no_join_word("has a letter in it that can't be there");
    if (key == "fingerprint") {
      word.fingerprint = value;
    } else if (key == "token") {
      word.token = value;
    } else {
      return no_join_word("has something behind the ? that is neither fingerprint nor token");
    }
  }
  return {};
}

}  // namespace

std::string JoinWord::address() const {
  return host.find(':') == std::string::npos ? fmt::format("{}:{}", host, port)
                                             : fmt::format("[{}]:{}", host, port);
}

std::string JoinWord::text() const {
  std::string text = url();
  char separator = '?';
  for (const auto& [key, value] :
       {std::pair<std::string_view, const std::string&>("fingerprint", fingerprint),
        {"token", token}}) {
    if (value.empty()) continue;
    text += fmt::format("{}{}={}", separator, key, value);
    separator = '&';
  }
  return text;
}

Result<JoinWord> parse_join_word(std::string_view text) {
  if (!text.starts_with(kScheme)) return no_join_word("doesn't begin with leanto://");
  if (text.size() > kMaxText) return no_join_word("is too long");
  text.remove_prefix(kScheme.size());
  const std::size_t mark = text.find('?');
  std::string_view where = text.substr(0, mark);
  JoinWord word;
  if (mark != std::string_view::npos) {
    if (const Status read = read_query(text.substr(mark + 1), word); !read)
      return Failure(read.error());
  }
  if (where.ends_with('/')) where.remove_suffix(1);
  const std::size_t colon = where.rfind(':');
  if (colon == std::string_view::npos) return no_join_word("has no port");
  const std::string_view port = where.substr(colon + 1);
  where = where.substr(0, colon);
  const bool in_brackets = where.starts_with('[') && where.ends_with(']');
  if (in_brackets) where = where.substr(1, where.size() - 2);
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), word.port);
  if (error != std::errc() || end != port.data() + port.size() || word.port == 0)
    return no_join_word("has a port that is no number from 1 to 65535");
  const bool has_colon = where.find(':') != std::string_view::npos;
  if (where.empty() || where.size() > kMaxHost || where.front() == '-' || !is_plain(where) ||
      has_colon != in_brackets) {
    return no_join_word("has no host that is a name or an address (an IPv6 address in brackets)");
  }
  word.host = where;
  return word;
}

}  // namespace leanto::wire
