// HTTP/1.1 as values: what was asked, what is answered, and a body that comes bit by bit. Knows
// nothing of what routes mean.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/task.h"

namespace leanto::net {

struct HttpField {
  std::string name;  // of a request: in lower case
  std::string value;

  friend bool operator==(const HttpField&, const HttpField&) = default;
};

// Where a request came in: what its sender has shown already depends on it.
enum class HttpVia { kUnixSocket, kTcp, kTls };

struct HttpRequest {
  HttpVia via = HttpVia::kUnixSocket;
  std::string method;
  std::string target;  // as it was sent: path and query, with percent signs
  int minor_version = 1;
  std::vector<HttpField> fields;
  std::string body;

  // The first of that name, which is in lower case. Nothing is there twice that may not be: the
  // decoder has refused that.
  std::optional<std::string_view> find_field(std::string_view name) const;
  friend bool operator==(const HttpRequest&, const HttpRequest&) = default;
};

// The rest of a response, bit by bit.
class HttpStream {
 public:
  virtual ~HttpStream() = default;
  virtual Task<std::string> next() = 0;  // empty: it ends here
};

struct HttpResponse {
  int status = 200;
  std::vector<HttpField> fields;  // without those that say how long the body is
  std::string body;
  std::shared_ptr<HttpStream> stream;  // instead of a body
};

// Why a request cannot be read; after this the connection is of no more use.
struct HttpRefusal {
  int status = 400;
  std::string message;

  friend bool operator==(const HttpRefusal&, const HttpRefusal&) = default;
};

// Whoever asked, while the answer is being made.
class HttpPeer {
 public:
  bool is_gone() const { return gone_; }
  // Called once, on the loop, when it's known that nobody waits for the answer any more.
  void when_gone(std::function<void()> tell);
  void set_gone();

 private:
  bool gone_ = false;
  std::function<void()> tell_;
};

std::string_view http_reason(int status);

}  // namespace leanto::net
