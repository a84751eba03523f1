#include "node/http_problem.h"

#include <utility>

namespace leanto::node {

using net::HttpResponse;
using wire::Json;

std::string http_json(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

HttpResponse json_response(const Json& value, int status) {
  HttpResponse response;
  response.status = status;
  response.body = http_json(value) + "\n";
  return response;
}

Json error_shape(const Json& head) {
  Json shape = head;
  const Error error = wire::error_from_head(head);
  shape["kind"] = error_row(error.kind).name;
  shape["message"] = error.message;
  if (!wire::find_string(head, "type")) shape["type"] = error_row(error.kind).python;
  return {{"error", shape}};
}

HttpResponse problem_response(HttpProblem problem) {
  HttpResponse response =
      json_response(error_shape(wire::error_to_json(problem.error)), problem.status);
  response.fields = std::move(problem.fields);
  return response;
}

HttpResponse error_response(const Json& head) {
  HttpResponse response =
      json_response(error_shape(head), error_row(wire::error_from_head(head).kind).http_status);
  if (wire::find_flag(head, "busy", false)) response.fields.push_back({"Retry-After", "1"});
  return response;
}

}  // namespace leanto::node
