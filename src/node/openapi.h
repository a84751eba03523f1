// An OpenAPI 3.1 document of what a service or object can be asked. Pure.
#pragma once

#include <string>

#include "wire/head.h"

namespace leanto::node {

struct OpenapiSubject {
  std::string title;
  std::string version;
  std::string description;
  std::string path;  // "/v1/services/NAME", its name encoded for a path
};

// `functions` is what a worker says of itself (python/leanto/worker/json_schema.py).
wire::Json make_openapi(const OpenapiSubject& subject, const wire::Json& functions);

// The text as a segment of a path.
std::string encode_segment(std::string_view text);

}  // namespace leanto::node
