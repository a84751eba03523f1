// What goes wrong with an HTTP request, in the one shape that every error has there:
//
//   {"error": {"kind": ..., "type": ..., "message": ..., "traceback": ...}}
//
// `kind` and `type` (the Python exception) are those of the error table; `traceback` is there when
// user code raised, and `type` is then the class that it raised.
#pragma once

#include <vector>

#include "base/error.h"
#include "net/http.h"
#include "wire/head.h"

namespace leanto::node {

// The status may be more exact than that of the error's kind.
struct HttpProblem {
  int status = 500;
  Error error;
  std::vector<net::HttpField> fields;

  static HttpProblem of(Error error) {
    const int status = error_row(error.kind).http_status;
    return {status, std::move(error), {}};
  }
};

// JSON in UTF-8, whatever the value holds.
std::string http_json(const wire::Json& value);
net::HttpResponse json_response(const wire::Json& value, int status = 200);

// The shape of an error, from the head of an ERROR frame.
wire::Json error_shape(const wire::Json& head);
net::HttpResponse problem_response(HttpProblem problem);
// For the head of an ERROR frame.
net::HttpResponse error_response(const wire::Json& head);

}  // namespace leanto::node
