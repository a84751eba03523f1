#include "net/http.h"

#include <array>
#include <utility>

namespace leanto::net {

namespace {

constexpr std::array<std::pair<int, std::string_view>, 27> kReasons{{
    {100, "Continue"},
    {200, "OK"},
    {201, "Created"},
    {204, "No Content"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {499, "Client Closed Request"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
}};

}  // namespace

std::optional<std::string_view> HttpRequest::find_field(std::string_view name) const {
  for (const HttpField& field : fields) {
    if (field.name == name) return field.value;
  }
  return std::nullopt;
}

void HttpPeer::when_gone(std::function<void()> tell) {
  if (gone_) return tell();
  tell_ = std::move(tell);
}

void HttpPeer::set_gone() {
  if (std::exchange(gone_, true)) return;
  if (const auto tell = std::exchange(tell_, nullptr)) tell();
}

std::string_view http_reason(int status) {
  for (const auto& [number, reason] : kReasons) {
    if (number == status) return reason;
  }
  return "Status";
}

}  // namespace leanto::net
