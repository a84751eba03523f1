#include "node/openapi.h"

#include <gtest/gtest.h>

namespace leanto::node {
namespace {

using wire::Json;

Json document(const Json& functions) {
  return make_openapi({"a b", "12", "Adds.", "/v1/services/a%20b"}, functions);
}

Json function(const Json& parameters) {
  return {{"functions",
           {{"", {{"parameters", parameters}, {"call", "function"}, {"doc", "One.\nTwo."}}}}}};
}

TEST(Openapi, HasAPathForEachFunction) {
  const Json made = document({{"functions", {{"", Json::object()}, {"x/y", Json::object()}}}});
  EXPECT_EQ(made["openapi"], "3.1.0");
  EXPECT_EQ(made["info"]["title"], "a b");
  EXPECT_TRUE(made["paths"].contains("/v1/services/a%20b"));
  EXPECT_TRUE(made["paths"].contains("/v1/services/a%20b/x%2Fy"));
}

TEST(Openapi, SaysWhatAFunctionTakes) {
  const Json made = document(function({{{"name", "a"},
                                        {"kind", "positional_or_keyword"},
                                        {"required", true},
                                        {"schema", {{"type", "integer"}}}}}));
  const Json& post = made["paths"]["/v1/services/a%20b"]["post"];
  EXPECT_EQ(post["summary"], "One.");
  EXPECT_EQ(post["requestBody"]["required"], true);
  EXPECT_EQ(post["requestBody"]["content"]["application/json"]["schema"],
            (Json{{"type", "object"},
                  {"properties", {{"a", {{"type", "integer"}}}}},
                  {"required", {"a"}},
                  {"additionalProperties", false}}));
}

TEST(Openapi, SaysAnArrayWhereNamesWillNotDo) {
  const Json made = document(
      function({{{"name", "args"}, {"kind", "var_positional"}, {"schema", Json::object()}}}));
  const Json& body = made["paths"]["/v1/services/a%20b"]["post"]["requestBody"];
  EXPECT_EQ(body["required"], false);
  EXPECT_EQ(body["content"]["application/json"]["schema"]["type"], "array");
}

TEST(Openapi, SurvivesWhatAWorkerOfAnotherVersionSays) {
  for (const Json& said : {Json(), Json(3), Json::array(), Json{{"functions", 3}},
                           Json{{"functions", {{"", 3}}}, {"schemas", "x"}},
                           function(Json{{"a", 1}}), function(Json::array({1, nullptr}))}) {
    EXPECT_TRUE(document(said)["components"]["schemas"].contains("Error")) << said;
  }
}

}  // namespace
}  // namespace leanto::node
