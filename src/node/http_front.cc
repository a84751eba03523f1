#include "node/http_front.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include "node/openapi.h"

namespace leanto::node {

using net::HttpRequest;
using net::HttpResponse;
using wire::Json;

namespace {

constexpr std::size_t kMaxSignatures = 256;

// What a request with a body may say that this is. curl's -d says that it's a form.
constexpr std::array<std::string_view, 3> kJsonTypes{"application/json", "text/json",
                                                     "application/x-www-form-urlencoded"};

bool is_json(const HttpRequest& request) {
  const std::string_view said = request.find_field("content-type").value_or("application/json");
  const std::string_view type = said.substr(0, said.find_first_of("; "));
  return std::find(kJsonTypes.begin(), kJsonTypes.end(), type) != kJsonTypes.end() ||
         (type.starts_with("application/") && type.ends_with("+json"));
}

bool wants_events(const HttpRequest& request) {
  const std::string_view accepted = request.find_field("accept").value_or("");
  return accepted.find("text/event-stream") != std::string_view::npos;
}

bool is_request_id(std::string_view text) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  };
  return !text.empty() && text.size() <= 128 && std::all_of(text.begin(), text.end(), fits);
}

HttpResponse respond(HttpProblem problem) { return problem_response(std::move(problem)); }

Json service_row(const std::string& name, const ServiceSpec& service, std::int64_t saved_at) {
  return {{"name", name},
          {"kind", service.kind == ServiceKind::kClass ? "class" : "function"},
          {"version", service.version},
          {"callable", service.module + "." + service.qualname},
          {"saved_at", saved_at},
          {"path", "/v1/services/" + encode_segment(name)}};
}

// "function", "generator", ... if the member can be called over HTTP.
bool is_callable(const Json& members, const std::string& member) {
  const auto found = members.find(member);
  if (found == members.end() || !found->is_string()) return false;
  const std::string kind = found->get<std::string>();
  return (!member.starts_with('_') || member == "__call__") && kind != "property" &&
         kind != "attribute";
}

HttpProblem no_member(const std::string& whose, const std::string& member, const Json& members) {
  std::string list;
  for (const auto& [name, kind] : members.items()) {
    if (is_callable(members, name)) list += (list.empty() ? "" : ", ") + name;
  }
  return HttpProblem::of(
      {ErrorKind::kNotFound,
       fmt::format("{} has no '{}' that can be called; it has: {}", whose, member.substr(0, 100),
                   list.empty() ? "nothing" : list.substr(0, 2000))});
}

Json members_of(const Json& describe, std::string_view key) {
  const auto found = describe.find(key);
  return found == describe.end() || !found->is_object() ? Json::object() : *found;
}

int status_of(ErrorKind kind) { return error_row(kind).http_status; }

}  // namespace

HttpFront::HttpFront(Parts parts, HttpAccess access)
    : parts_(std::move(parts)),
      access_(std::move(access)),
      started_(fmt::format("{:x}", std::chrono::system_clock::now().time_since_epoch().count())) {}

// Before the body is read

std::optional<HttpProblem> HttpFront::check(const HttpRequest& request) const {
  if (auto problem = access_.check_source(request)) return problem;
  const auto rights = access_.check_token(request);
  if (!rights) return rights.error();
  const auto route = find_route(request.method, request.target);
  if (!route) return route.error();
  if (auto problem = HttpAccess::check_right(*rights, route->right)) return problem;
  if (request.method == "POST" && !is_json(request)) {
    return HttpProblem{
        415, {ErrorKind::kInvalid, "arguments are JSON: Content-Type: application/json"}, {}};
  }
  return std::nullopt;
}

std::optional<HttpResponse> HttpFront::on_head(const HttpRequest& request) {
  std::optional<HttpResponse> response;
  if (access_.is_preflight(request) && !access_.check_source(request)) {
    response.emplace();
    response->status = 204;
  } else if (request.method == "OPTIONS" && !access_.check_source(request) &&
             access_.check_token(request) && !allowed_methods(request.target).empty()) {
    response.emplace();
    response->status = 204;
    response->fields.push_back({"Allow", allowed_methods(request.target)});
  } else if (auto problem = check(request)) {
    response = problem_response(*std::move(problem));
  }
  if (response) finish(request, *response);
  return response;
}

HttpResponse HttpFront::on_refusal(const net::HttpRefusal& refusal) {
  ErrorKind kind = ErrorKind::kProtocol;
  if (refusal.status == 413) kind = ErrorKind::kCapacity;
  if (refusal.status == 408) kind = ErrorKind::kTimeout;
  if (refusal.status == 500) kind = ErrorKind::kInternal;
  HttpResponse response = problem_response({refusal.status, {kind, refusal.message}, {}});
  finish({}, response);
  return response;
}

void HttpFront::finish(const HttpRequest& request, HttpResponse& response) {
  const auto is_type = [](const net::HttpField& field) { return field.name == "Content-Type"; };
  const bool typed = std::any_of(response.fields.begin(), response.fields.end(), is_type);
  if (!typed && response.status != 204) {
    response.fields.push_back({"Content-Type", "application/json"});
  }
  const std::string_view asked = request.find_field("x-request-id").value_or("");
  response.fields.push_back(
      {"X-Request-Id", is_request_id(asked) ? std::string(asked) : new_request_id()});
  response.fields.push_back({"Cache-Control", "no-store"});
  response.fields.push_back({"X-Content-Type-Options", "nosniff"});
  for (net::HttpField& field : access_.cors_fields(request)) {
    response.fields.push_back(std::move(field));
  }
}

std::string HttpFront::new_request_id() { return fmt::format("{}-{}", started_, ++last_request_); }

// Requests

net::Task<HttpResponse> HttpFront::on_request(HttpRequest request,
                                              std::shared_ptr<net::HttpPeer> peer) {
  const auto route = find_route(request.method, request.target);  // `on_head` has let it through
  HttpResponse response;
  if (route) {
    response = co_await handle(*route, request, std::move(peer));
  } else {
    response = problem_response(route.error());
  }
  finish(request, response);
  co_return response;
}

net::Task<HttpResponse> HttpFront::handle(const Route& route, HttpRequest& request,
                                          std::shared_ptr<net::HttpPeer> peer) {
  switch (route.kind) {
    case RouteKind::kServices:
      co_return services();
    case RouteKind::kService:
      co_return service(route.name);
    case RouteKind::kObjects:
      co_return objects();
    case RouteKind::kObject:
      co_return object(route.name);
    case RouteKind::kCallService:
    case RouteKind::kCallObject:
      co_return co_await call(route, request, std::move(peer));
    case RouteKind::kServiceOpenapi:
    case RouteKind::kObjectOpenapi:
      co_return co_await openapi(route, std::move(peer));
    case RouteKind::kStatus:
      break;
  }
  const Json status = co_await parts_.status();
  co_return json_response(status);
}

HttpResponse HttpFront::services() const {
  Json rows = Json::array();
  for (const Registry::Row& row : parts_.registry.rows()) {
    rows.push_back(service_row(row.name, *row.service, row.at));
  }
  return json_response({{"services", rows}});
}

HttpResponse HttpFront::service(const std::string& name) const {
  for (const Registry::Row& row : parts_.registry.rows()) {
    if (row.name != name) continue;
    Json said = service_row(name, *row.service, row.at);
    said["describe"] = row.service->describe;
    said["openapi"] = "/v1/services/" + encode_segment(name) + "/openapi.json";
    return json_response(said);
  }
  return respond(HttpProblem::of(parts_.registry.get_named(name).error()));
}

HttpResponse HttpFront::objects() const {
  Json rows = Json::array();
  for (const std::string& name : parts_.objects.names()) {
    const LiveObjectPtr live = parts_.objects.find_live(name);
    Json row = {{"name", name}, {"kind", live ? "live" : "value"}};
    if (live) row["class"] = live->class_name;
    if (live) row["path"] = "/v1/objects/" + encode_segment(name);
    rows.push_back(std::move(row));
  }
  return json_response({{"objects", rows}});
}

HttpResponse HttpFront::object(const std::string& name) const {
  const auto found = find_object(name);
  if (!found) return respond(found.error());
  const LiveObject& object = **found;
  return json_response({{"name", name},
                        {"kind", "live"},
                        {"class", object.class_name},
                        {"service", object.target->service->name},
                        {"version", object.target->service->version},
                        {"describe", object.describe},
                        {"path", "/v1/objects/" + encode_segment(name)},
                        {"openapi", "/v1/objects/" + encode_segment(name) + "/openapi.json"}});
}

// Calls

HttpFront::Found HttpFront::find_service_call(const Route& route) const {
  const Result<ServicePtr> service = parts_.registry.get_named(route.name);
  if (!service) return tl::unexpected(HttpProblem::of(service.error()));
  const ServiceSpec& spec = **service;
  const Json callable = members_of(spec.describe, "class_members");
  if (spec.kind == ServiceKind::kFunction && !route.member.empty()) {
    return tl::unexpected(HttpProblem::of(
        {ErrorKind::kNotFound, fmt::format("'{}' is a function: POST /v1/services/{}", route.name,
                                           encode_segment(route.name))}));
  }
  if (spec.kind == ServiceKind::kClass && route.member.empty()) {
    return tl::unexpected(HttpProblem{
        status_of(ErrorKind::kInvalid),
        {ErrorKind::kInvalid,
         fmt::format("'{}' is a class: call a class method of it (POST /v1/services/{}/METHOD), or "
                     "an object: instances are made from Python and have a name there "
                     "(POST /v1/objects/NAME/METHOD)",
                     route.name, encode_segment(route.name))},
        {}});
  }
  if (!route.member.empty() && !is_callable(callable, route.member)) {
    return tl::unexpected(no_member("the class '" + route.name + "'", route.member, callable));
  }
  Subject subject;
  subject.target = parts_.target_of(*service);
  subject.head.target_kind = wire::TargetKind::kVersion;
  subject.head.target = spec.version;
  subject.head.member = route.member;
  return subject;
}

tl::expected<LiveObjectPtr, HttpProblem> HttpFront::find_object(const std::string& name) const {
  if (LiveObjectPtr live = parts_.objects.find_live(name)) return live;
  if (parts_.objects.find_value(name) != nullptr) {
    return tl::unexpected(HttpProblem::of(
        {ErrorKind::kNotAcceptable,
         fmt::format("'{0}' is a value that was put from Python, where it can be had: "
                     "lt.here.get('{0}')",
                     name)}));
  }
  return tl::unexpected(HttpProblem::of(parts_.objects.not_found(name)));
}

HttpFront::Found HttpFront::find_object_call(const Route& route) const {
  const auto found = find_object(route.name);
  if (!found) return tl::unexpected(found.error());
  const LiveObject& object = **found;
  const std::string member = route.member.empty() ? "__call__" : route.member;
  const Json members = members_of(object.describe, "members");
  if (!is_callable(members, member)) {
    return tl::unexpected(no_member("the object '" + route.name + "'", member, members));
  }
  Subject subject;
  subject.target = object.target;
  subject.head.target_kind = wire::TargetKind::kObject;
  subject.head.target = object.id;
  subject.head.member = member;
  subject.object = route.name;
  return subject;
}

net::Task<HttpResponse> HttpFront::call(const Route& route, HttpRequest& request,
                                        std::shared_ptr<net::HttpPeer> peer) {
  Found found =
      route.kind == RouteKind::kCallObject ? find_object_call(route) : find_service_call(route);
  if (!found) co_return problem_response(found.error());
  const auto form = wants_events(request) ? HttpCall::Form::kEvents : HttpCall::Form::kJson;
  const auto call = std::make_shared<HttpCall>(parts_.loop, parts_.calls, form, found->object,
                                               access_.party(request));
  if (std::string token = access_.token_id(request); !token.empty()) {
    auto on_end = [weak = std::weak_ptr(call)](const Error& why) {
      if (const auto under_way = weak.lock()) under_way->end(why);
    };
    call->hold(parts_.token_uses.add(std::move(token), std::move(on_end)));
  }
  found->head.timeout_seconds = route.timeout_seconds;
  found->head.max_queue = route.max_queue;
  co_return co_await call->run(found->target, found->head, std::move(request.body),
                               std::move(peer));
}

net::Task<HttpResponse> HttpFront::openapi(const Route& route,
                                           std::shared_ptr<net::HttpPeer> peer) {
  const bool of_object = route.kind == RouteKind::kObjectOpenapi;
  Subject subject;
  ServicePtr service;
  OpenapiSubject about;
  if (of_object) {
    const auto found = find_object(route.name);
    if (!found) co_return problem_response(found.error());
    subject.target = (*found)->target;
    service = subject.target->service;
  } else {
    const Result<ServicePtr> found = parts_.registry.get_named(route.name);
    if (!found) co_return problem_response(HttpProblem::of(found.error()));
    service = *found;
    subject.target = parts_.target_of(service);
  }
  about.title = route.name;
  about.version = service->version;
  about.description = wire::find_string(service->describe, "doc").value_or("");
  about.path = (of_object ? "/v1/objects/" : "/v1/services/") + encode_segment(route.name);
  const std::string key = service->version + (of_object ? "/object" : "");
  if (!signatures_.contains(key)) {
    subject.head.how = wire::How::kDescribe;
    const auto asked = std::make_shared<HttpCall>(parts_.loop, parts_.calls, HttpCall::Form::kJson);
    std::string nothing;
    HttpResponse said =
        co_await asked->run(subject.target, subject.head, std::move(nothing), std::move(peer));
    if (said.status != 200) co_return said;
    if (signatures_.size() >= kMaxSignatures) signatures_.clear();
    signatures_[key] = Json::parse(said.body, nullptr, false);
  }
  co_return json_response(make_openapi(about, signatures_[key]));
}

}  // namespace leanto::node
