#include "node/http_access.h"

#include <algorithm>
#include <array>
#include <utility>

namespace leanto::node {

using net::HttpRequest;
using net::HttpVia;

namespace {

// Names that mean this machine wherever they are looked up, so no page can take one over.
constexpr std::array<std::string_view, 4> kOwnNames{"localhost", "127.0.0.1", "[::1]", "::1"};

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

// "localhost:8080" → "localhost"; the port may be another one where it is forwarded.
std::string name_of(std::string_view host) {
  const std::size_t bracket = host.rfind(']');
  const std::size_t colon = host.rfind(':');
  if (colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket)) {
    const std::string_view port = host.substr(colon + 1);
    if (port.find_first_not_of("0123456789") == std::string_view::npos) {
      host = host.substr(0, colon);
    }
  }
  return lower(host);
}

bool is_own_name(std::string_view host) {
  const std::string name = name_of(host);
  return name.starts_with("127.")
             ? name.find_first_not_of("0123456789.") == std::string::npos
             : std::find(kOwnNames.begin(), kOwnNames.end(), name) != kOwnNames.end();
}

// No name server says where an address leads.
bool is_address(std::string_view host) {
  const std::string name = name_of(host);
  const bool bracketed = name.starts_with('[') && name.ends_with(']');
  return !name.empty() && (bracketed || name.find_first_not_of("0123456789.") == std::string::npos);
}

constexpr std::string_view kScheme = "bearer ";

HttpProblem no_token(std::string message, std::string_view how) {
  return {401,
          {ErrorKind::kAccessDenied, std::move(message)},
          {{"WWW-Authenticate", fmt::format("Bearer realm=\"leanto\"{}", how)}}};
}

}  // namespace

bool HttpAccess::is_allowed(std::string_view origin) const {
  return std::find(origins_.begin(), origins_.end(), origin) != origins_.end();
}

std::optional<HttpProblem> HttpAccess::check_source(const HttpRequest& request) const {
  if (request.via == HttpVia::kUnixSocket) return std::nullopt;
  const std::string_view host = request.find_field("host").value_or("");
  const bool over_tls = request.via == HttpVia::kTls;
  if (over_tls && !is_own_name(host) && !is_address(host) && name_of(host) != lower(name_)) {
    return HttpProblem{
        421,
        {ErrorKind::kAccessDenied, fmt::format("this node is not '{}': ask it by its address{}{}",
                                               host, name_.empty() ? "" : " or as ", name_)},
        {}};
  }
  if (!over_tls && !is_own_name(host)) {
    return HttpProblem{
        421,
        {ErrorKind::kAccessDenied,
         fmt::format("this node is not '{}': ask it as localhost or by its loopback address",
                     host)},
        {}};
  }
  const auto origin = request.find_field("origin");
  if (!origin || is_allowed(*origin)) return std::nullopt;
  return HttpProblem{
      403,
      {ErrorKind::kAccessDenied,
       fmt::format("pages of {} may not ask this node; its owner can allow it in node.toml: [http] "
                   "origins = [\"{}\"]",
                   *origin, *origin)},
      {}};
}

bool HttpAccess::is_preflight(const HttpRequest& request) const {
  return request.method == "OPTIONS" && request.find_field("origin") &&
         request.find_field("access-control-request-method");
}

tl::expected<std::vector<Right>, HttpProblem> HttpAccess::check_token(
    const HttpRequest& request) const {
  if (request.via == HttpVia::kUnixSocket) {
    return std::vector{Right::kCall, Right::kDeploy, Right::kDebug, Right::kAdmin};
  }
  const auto said = request.find_field("authorization");
  if (!said) {
    return tl::unexpected(
        no_token("a token is needed: Authorization: Bearer TOKEN (leanto token create)", ""));
  }
  if (lower(said->substr(0, kScheme.size())) != kScheme) {
    return tl::unexpected(
        no_token("the Authorization must be: Bearer TOKEN", ", error=\"invalid_request\""));
  }
  const Result<Token> token = tokens_.check(said->substr(kScheme.size()));
  if (!token) {
    return tl::unexpected(no_token(token.error().message, ", error=\"invalid_token\""));
  }
  return token->rights;
}

std::string HttpAccess::party(const HttpRequest& request) const {
  const std::string id = token_id(request);
  return id.empty() ? "http" : "http:" + id;
}

std::string HttpAccess::token_id(const HttpRequest& request) const {
  const std::string_view said = request.find_field("authorization").value_or("");
  if (request.via == HttpVia::kUnixSocket || said.size() < kScheme.size()) return "";
  const Result<Token> token = tokens_.check(said.substr(kScheme.size()));
  return token ? token->id : "";
}

std::optional<HttpProblem> HttpAccess::check_right(const std::vector<Right>& rights, Right needed) {
  if (std::find(rights.begin(), rights.end(), needed) != rights.end()) return std::nullopt;
  return HttpProblem::of(
      {ErrorKind::kAccessDenied, fmt::format("this needs the right '{}' and the token gives: {}",
                                             right_name(needed), rights_text(rights))});
}

std::vector<net::HttpField> HttpAccess::cors_fields(const HttpRequest& request) const {
  if (origins_.empty()) return {};
  std::vector<net::HttpField> fields{{"Vary", "Origin"}};
  const auto origin = request.find_field("origin");
  if (!origin || !is_allowed(*origin)) return fields;
  fields.push_back({"Access-Control-Allow-Origin", std::string(*origin)});
  fields.push_back({"Access-Control-Expose-Headers", "X-Request-Id"});
  if (!is_preflight(request)) return fields;
  fields.push_back({"Access-Control-Allow-Methods", "GET, POST"});
  fields.push_back({"Access-Control-Allow-Headers", "Authorization, Content-Type, X-Request-Id"});
  fields.push_back({"Access-Control-Max-Age", "600"});
  return fields;
}

}  // namespace leanto::node
