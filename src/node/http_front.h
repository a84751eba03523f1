// A node's HTTP: decides who may ask and what a request means, asks the node's parts, and says the
// answer in JSON. docs/http.md is the manual.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "net/http_connection.h"
#include "node/http_access.h"
#include "node/http_call.h"
#include "node/http_routes.h"
#include "node/launcher.h"
#include "node/objects.h"
#include "node/registry.h"
#include "node/token_uses.h"

namespace leanto::node {

class HttpFront final : public net::HttpHandler {
 public:
  struct Parts {
    net::Loop& loop;
    Calls& calls;
    Registry& registry;
    Objects& objects;
    // Where calls of a service go.
    std::function<TargetPtr(const ServicePtr&)> target_of;
    std::function<net::Task<wire::Json>()> status;
    TokenUses& token_uses;
  };
  HttpFront(Parts parts, HttpAccess access);

  std::optional<net::HttpResponse> on_head(const net::HttpRequest& request) override;
  net::Task<net::HttpResponse> on_request(net::HttpRequest request,
                                          std::shared_ptr<net::HttpPeer> peer) override;
  net::HttpResponse on_refusal(const net::HttpRefusal& refusal) override;

 private:
  using Handled = tl::expected<net::HttpResponse, HttpProblem>;
  struct Subject {  // what a call goes to
    TargetPtr target;
    wire::CallHead head;
    std::string object;
  };
  using Found = tl::expected<Subject, HttpProblem>;

  std::optional<HttpProblem> check(const net::HttpRequest& request) const;
  net::Task<net::HttpResponse> handle(const Route& route, net::HttpRequest& request,
                                      std::shared_ptr<net::HttpPeer> peer);
  net::HttpResponse services() const;
  net::HttpResponse service(const std::string& name) const;
  net::HttpResponse objects() const;
  net::HttpResponse object(const std::string& name) const;
  Found find_service_call(const Route& route) const;
  Found find_object_call(const Route& route) const;
  tl::expected<LiveObjectPtr, HttpProblem> find_object(const std::string& name) const;
  net::Task<net::HttpResponse> call(const Route& route, net::HttpRequest& request,
                                    std::shared_ptr<net::HttpPeer> peer);
  net::Task<net::HttpResponse> openapi(const Route& route, std::shared_ptr<net::HttpPeer> peer);
  void finish(const net::HttpRequest& request, net::HttpResponse& response);
  std::string new_request_id();

  const Parts parts_;
  const HttpAccess access_;
  std::unordered_map<std::string, wire::Json> signatures_;  // by version and whether of an instance
  const std::string started_;
  std::uint64_t last_request_ = 0;
};

}  // namespace leanto::node
