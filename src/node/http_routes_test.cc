#include "node/http_routes.h"

#include <gtest/gtest.h>

namespace leanto::node {
namespace {

Route route(std::string_view method, std::string_view target) {
  const auto found = find_route(method, target);
  EXPECT_TRUE(found) << target << ": " << found.error().error.message;
  return found.value_or(Route{});
}

int refused(std::string_view method, std::string_view target) {
  const auto found = find_route(method, target);
  return found ? 0 : found.error().status;
}

TEST(HttpRoutes, LeadToServicesAndObjects) {
  EXPECT_EQ(route("GET", "/v1/services").kind, RouteKind::kServices);
  EXPECT_EQ(route("HEAD", "/v1/services/a.b").kind, RouteKind::kService);
  EXPECT_EQ(route("GET", "/v1/services/a.b/openapi.json").kind, RouteKind::kServiceOpenapi);
  const Route call = route("POST", "/v1/objects/my%20total/add");
  EXPECT_EQ(call.kind, RouteKind::kCallObject);
  EXPECT_EQ(call.name, "my total");
  EXPECT_EQ(call.member, "add");
  EXPECT_EQ(call.right, Right::kCall);
  EXPECT_EQ(route("GET", "/v1/status").right, Right::kAdmin);
}

TEST(HttpRoutes, TakeASlashInANameOnlyWithAPercentSign) {
  EXPECT_EQ(route("POST", "/v1/services/a%2Fb").name, "a/b");
  EXPECT_EQ(route("POST", "/v1/services/a/b").member, "b");
  EXPECT_EQ(refused("POST", "/v1/services/a/b/c"), 404);
  EXPECT_EQ(refused("POST", "/v1/services//b"), 404);
  EXPECT_EQ(refused("GET", "/v1/services/.."), 0);  // a name like another: no files are behind it
}

TEST(HttpRoutes, ReadATimeoutAndNothingElse) {
  EXPECT_EQ(route("POST", "/v1/services/a?timeout=2.5").timeout_seconds, 2.5);
  EXPECT_EQ(route("POST", "/v1/services/a?").timeout_seconds, std::nullopt);
  for (const char* const query : {"timeout", "timeout=", "timeout=x", "timeout=0", "timeout=-1",
                                  "timeout=inf", "timeout=nan", "timeout=1&x=1", "x"}) {
    EXPECT_EQ(refused("POST", "/v1/services/a?" + std::string(query)), 400) << query;
  }
  EXPECT_EQ(refused("GET", "/v1/services?timeout=1"), 400);
}

TEST(HttpRoutes, ReadHowManyCallsMayWait) {
  EXPECT_EQ(route("POST", "/v1/services/a?max_queue=0").max_queue, 0u);
  EXPECT_EQ(route("POST", "/v1/services/a").max_queue, std::nullopt);
  const Route both = route("POST", "/v1/objects/a/b?max_queue=7&timeout=2");
  EXPECT_EQ(both.max_queue, 7u);
  EXPECT_EQ(both.timeout_seconds, 2);
  for (const char* const query :
       {"max_queue", "max_queue=", "max_queue=-1", "max_queue=1.5", "max_queue=1000001"}) {
    EXPECT_EQ(refused("POST", "/v1/services/a?" + std::string(query)), 400) << query;
  }
  EXPECT_EQ(refused("GET", "/v1/services?max_queue=0"), 400);
}

TEST(HttpRoutes, SayWhichMethodsThereAre) {
  EXPECT_EQ(allowed_methods("/v1/services/a?x"), "GET, HEAD, POST, OPTIONS");
  EXPECT_EQ(allowed_methods("/v1/nothing"), "");
  const auto found = find_route("PUT", "/v1/status");
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().status, 405);
  ASSERT_EQ(found.error().fields.size(), 1u);
  EXPECT_EQ(found.error().fields[0], (net::HttpField{"Allow", "GET, HEAD, OPTIONS"}));
}

TEST(HttpRoutes, RefuseWhatIsNoPath) {
  for (const char* const target : {"", "*", "http://h/v1/services", "v1/services"}) {
    EXPECT_EQ(refused("GET", target), 400) << target;
  }
  for (const char* const name : {"%", "%4", "%zz", "%00", "%ff", "%c3"}) {
    EXPECT_EQ(refused("GET", "/v1/services/" + std::string(name)), 400) << name;
  }
}

}  // namespace
}  // namespace leanto::node
