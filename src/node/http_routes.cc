#include "node/http_routes.h"

#include <array>
#include <charconv>
#include <utility>
#include <vector>

#include "wire/call.h"

namespace leanto::node {

namespace {

struct Row {
  std::string_view method;
  std::string_view path;  // NAME and MEMBER stand for any segment
  RouteKind kind;
  Right right;
};

// The more exact path comes first. docs/http.md has the same table, and a test compares.
constexpr std::array<Row, 11> kRoutes{{
    {"GET", "/v1/services", RouteKind::kServices, Right::kCall},
    {"GET", "/v1/services/NAME", RouteKind::kService, Right::kCall},
    {"GET", "/v1/services/NAME/openapi.json", RouteKind::kServiceOpenapi, Right::kCall},
    {"POST", "/v1/services/NAME", RouteKind::kCallService, Right::kCall},
    {"POST", "/v1/services/NAME/MEMBER", RouteKind::kCallService, Right::kCall},
    {"GET", "/v1/objects", RouteKind::kObjects, Right::kCall},
    {"GET", "/v1/objects/NAME", RouteKind::kObject, Right::kCall},
    {"GET", "/v1/objects/NAME/openapi.json", RouteKind::kObjectOpenapi, Right::kCall},
    {"POST", "/v1/objects/NAME", RouteKind::kCallObject, Right::kCall},
    {"POST", "/v1/objects/NAME/MEMBER", RouteKind::kCallObject, Right::kCall},
    {"GET", "/v1/status", RouteKind::kStatus, Right::kAdmin},
}};

HttpProblem problem(int status, ErrorKind kind, std::string message) {
  return {status, {kind, std::move(message)}, {}};
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Nothing for percent signs that make no sense, and for what is no text.
std::optional<std::string> decode_percent(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      if (i + 2 >= text.size()) return std::nullopt;
      const int high = hex_digit(text[i + 1]);
      const int low = hex_digit(text[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      c = static_cast<char>(high << 4 | low);
      i += 2;
    }
    if (c == '\0') return std::nullopt;
    out += c;
  }
  if (wire::valid_utf8(out) != out) return std::nullopt;
  return out;
}

std::vector<std::string_view> split(std::string_view text, char at) {
  std::vector<std::string_view> pieces;
  while (true) {
    const std::size_t end = text.find(at);
    pieces.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return pieces;
    text.remove_prefix(end + 1);
  }
}

std::string_view path_of(std::string_view target) { return target.substr(0, target.find('?')); }

// False if the path is not of this shape.
bool match(std::string_view shape, std::string_view path, std::string_view& name,
           std::string_view& member) {
  const auto wanted = split(shape, '/');
  const auto segments = split(path, '/');
  if (wanted.size() != segments.size()) return false;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (wanted[i] == "NAME" || wanted[i] == "MEMBER") {
      if (segments[i].empty()) return false;
      (wanted[i] == "NAME" ? name : member) = segments[i];
    } else if (wanted[i] != segments[i]) {
      return false;
    }
  }
  return true;
}

std::optional<HttpProblem> read_timeout(std::string_view text, Route& route) {
  double seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc() || end != text.data() + text.size() || !(seconds > 0 && seconds < 1e9)) {
    return problem(400, ErrorKind::kInvalid,
                   fmt::format("timeout={} makes no sense; give seconds, like timeout=2.5", text));
  }
  route.timeout_seconds = seconds;
  return std::nullopt;
}

std::optional<HttpProblem> read_max_queue(std::string_view text, Route& route) {
  std::uint32_t calls = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), calls);
  if (error != std::errc() || end != text.data() + text.size() || calls > wire::kMaxMaxQueue) {
    return problem(
        400, ErrorKind::kInvalid,
        fmt::format("max_queue={} makes no sense; give how many calls may wait with this "
                    "one, like max_queue=0: it runs now or fails",
                    text));
  }
  route.max_queue = calls;
  return std::nullopt;
}

std::optional<HttpProblem> read_query(std::string_view target, Route& route) {
  const std::size_t mark = target.find('?');
  if (mark == std::string_view::npos || mark + 1 == target.size()) return std::nullopt;
  for (const std::string_view pair : split(target.substr(mark + 1), '&')) {
    const std::size_t equals = pair.find('=');
    const std::string_view key = pair.substr(0, equals);
    const bool calls =
        route.kind == RouteKind::kCallService || route.kind == RouteKind::kCallObject;
    const bool known = key == "timeout" || key == "max_queue";
    if (!known || !calls || equals == std::string_view::npos) {
      return problem(400, ErrorKind::kInvalid,
                     fmt::format("the query '{}' is not understood{}", pair,
                                 calls ? "; there are timeout=SECONDS and max_queue=CALLS, and "
                                         "arguments go into the body"
                                       : ""));
    }
    const std::string_view value = pair.substr(equals + 1);
    if (auto wrong = key == "timeout" ? read_timeout(value, route) : read_max_queue(value, route))
      return wrong;
  }
  return std::nullopt;
}

std::optional<HttpProblem> read_names(std::string_view name, std::string_view member,
                                      Route& route) {
  auto decoded_name = decode_percent(name);
  auto decoded_member = decode_percent(member);
  if (!decoded_name || !decoded_member) {
    return problem(400, ErrorKind::kInvalid, "the path is no text in UTF-8 with percent signs");
  }
  route.name = *std::move(decoded_name);
  route.member = *std::move(decoded_member);
  return std::nullopt;
}

HttpProblem no_such_path(std::string_view path) {
  return problem(404, ErrorKind::kNotFound,
                 fmt::format("there is no {}; there are /v1/services, /v1/objects and /v1/status",
                             path.substr(0, 200)));
}

}  // namespace

tl::expected<Route, HttpProblem> find_route(std::string_view method, std::string_view target) {
  const std::string_view path = path_of(target);
  if (!target.starts_with('/')) {
    return tl::unexpected(
        problem(400, ErrorKind::kInvalid, "say the path only, beginning with a slash"));
  }
  const std::string_view wanted = method == "HEAD" ? "GET" : method;
  for (const Row& row : kRoutes) {
    std::string_view name;
    std::string_view member;
    if (row.method != wanted || !match(row.path, path, name, member)) continue;
    Route route;
    route.kind = row.kind;
    route.right = row.right;
    if (auto wrong = read_names(name, member, route)) return tl::unexpected(*std::move(wrong));
    if (auto wrong = read_query(target, route)) return tl::unexpected(*std::move(wrong));
    return route;
  }
  const std::string allowed = allowed_methods(target);
  if (allowed.empty()) return tl::unexpected(no_such_path(path));
  HttpProblem other = problem(405, ErrorKind::kInvalid,
                              fmt::format("{} is not for {}; there is: {}", method.substr(0, 40),
                                          path.substr(0, 200), allowed));
  other.fields.push_back({"Allow", allowed});
  return tl::unexpected(std::move(other));
}

std::string allowed_methods(std::string_view target) {
  std::string allowed;
  for (const Row& row : kRoutes) {
    std::string_view name;
    std::string_view member;
    if (!match(row.path, path_of(target), name, member)) continue;
    allowed += row.method == "GET" ? "GET, HEAD, " : std::string(row.method) + ", ";
  }
  return allowed.empty() ? allowed : allowed + "OPTIONS";
}

}  // namespace leanto::node
