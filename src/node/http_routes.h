// The routes of a node's HTTP: from a method and a target to what is asked. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "node/http_problem.h"
#include "node/tokens.h"

namespace leanto::node {

enum class RouteKind {
  kServices,
  kService,
  kServiceOpenapi,
  kCallService,
  kObjects,
  kObject,
  kObjectOpenapi,
  kCallObject,
  kStatus,
};

struct Route {
  RouteKind kind = RouteKind::kServices;
  Right right = Right::kCall;
  std::string name;    // of the service or object
  std::string member;  // empty: the callable itself
  std::optional<double> timeout_seconds;
  std::optional<std::uint32_t> max_queue;
};

// 404 without such a path; 405, with the methods that there are, for another method.
tl::expected<Route, HttpProblem> find_route(std::string_view method, std::string_view target);

// "GET, HEAD, OPTIONS": for the path of this target; empty without such a path.
std::string allowed_methods(std::string_view target);

}  // namespace leanto::node
