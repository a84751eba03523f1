// Who may ask over HTTP. Pure decisions about a request's head.
//
// Over the Unix socket everybody who could connect is the user, who may do everything. Over TCP the
// Host must be one of this machine's own names (a page of another site that a name server has led
// here says its own), over TLS also an address, or the name of the machine. An Origin must be one
// that the node's owner has allowed, and a token must give the right.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "node/http_problem.h"
#include "node/tokens.h"

namespace leanto::node {

class HttpAccess {
 public:
  // `name` is that of this machine.
  HttpAccess(const Tokens& tokens, std::vector<std::string> origins, std::string name = "")
      : tokens_(tokens), origins_(std::move(origins)), name_(std::move(name)) {}

  // Whether the request comes from where it may, whoever sent it.
  std::optional<HttpProblem> check_source(const net::HttpRequest& request) const;
  // A browser's question whether a page may ask; it carries no token, and is answered without one.
  bool is_preflight(const net::HttpRequest& request) const;
  // Whether its sender is known; what it may do is asked with `check_right`.
  tl::expected<std::vector<Right>, HttpProblem> check_token(const net::HttpRequest& request) const;
  // Who asks, for a queue that is fair by caller: each token is one, and the Unix socket.
  std::string party(const net::HttpRequest& request) const;
  // The id of the token that it has; empty over the Unix socket.
  std::string token_id(const net::HttpRequest& request) const;
  static std::optional<HttpProblem> check_right(const std::vector<Right>& rights, Right needed);

  // What tells a browser that the page may read the response; none for other senders.
  std::vector<net::HttpField> cors_fields(const net::HttpRequest& request) const;

 private:
  bool is_allowed(std::string_view origin) const;

  const Tokens& tokens_;
  const std::vector<std::string> origins_;
  const std::string name_;
};

}  // namespace leanto::node
