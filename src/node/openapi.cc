#include "node/openapi.h"

#include <fmt/format.h>

#include <utility>

namespace leanto::node {

using wire::Json;

namespace {

// json_schema.py says what it says in this shape; a worker of another version may not.
Json member_or(const Json& value, std::string_view key, Json otherwise) {
  if (!value.is_object()) return otherwise;
  const auto found = value.find(key);
  return found == value.end() || found->type() != otherwise.type() ? otherwise : *found;
}

Json body_schema(const Json& function) {
  Json properties = Json::object();
  Json required = Json::array();
  Json in_order = Json::array();
  bool only_in_order = false;
  bool any_name = false;
  for (const Json& parameter : member_or(function, "parameters", Json::array())) {
    const std::string name = wire::find_string(parameter, "name").value_or("");
    const std::string kind = wire::find_string(parameter, "kind").value_or("");
    const Json schema = member_or(parameter, "schema", Json::object());
    if (kind == "var_keyword") any_name = true;
    if (kind == "positional_only" || kind == "var_positional") only_in_order = true;
    if (kind == "positional_only" || kind == "positional_or_keyword") in_order.push_back(schema);
    if (kind != "positional_or_keyword" && kind != "keyword_only") continue;
    properties[name] = schema;
    if (wire::find_flag(parameter, "required", false)) required.push_back(name);
  }
  Json array = {{"type", "array"}, {"description", "The arguments in order."}};
  if (!in_order.empty()) array["prefixItems"] = in_order;
  if (only_in_order) return array;
  Json object = {{"type", "object"}, {"properties", properties}};
  if (!required.empty()) object["required"] = required;
  if (!any_name) object["additionalProperties"] = false;
  return object;
}

bool needs_body(const Json& function) {
  for (const Json& parameter : member_or(function, "parameters", Json::array())) {
    if (wire::find_flag(parameter, "required", false)) return true;
  }
  return false;
}

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

Json responses(const Json& function) {
  Json returns = member_or(function, "returns", Json::object());
  const std::string call = wire::find_string(function, "call").value_or("");
  if (call == "generator" || call == "async_generator") {
    returns = returns.empty() ? Json{{"type", "array"}}
                              : Json{{"type", "array"}, {"items", std::move(returns)}};
  }
  const Json error = {{"$ref", "#/components/schemas/Error"}};
  return {{"200",
           {{"description", "What it returned."},
            {"content",
             {{"application/json", {{"schema", std::move(returns)}}},
              {"text/event-stream", {{"schema", {{"type", "string"}}}}}}}}},
          {"default",
           {{"description", "What went wrong."},
            {"content", {{"application/json", {{"schema", error}}}}}}}};
}

Json operation(const std::string& id, const Json& function) {
  Json out = {{"operationId", id}, {"responses", responses(function)}};
  const std::string doc = wire::find_string(function, "doc").value_or("");
  if (!doc.empty()) out["summary"] = first_line(doc);
  if (!doc.empty()) out["description"] = doc;
  out["parameters"] = Json::array({{{"name", "timeout"},
                                    {"in", "query"},
                                    {"description", "Seconds after which the call ends with 504."},
                                    {"schema", {{"type", "number"}, {"exclusiveMinimum", 0}}}},
                                   {{"name", "max_queue"},
                                    {"in", "query"},
                                    {"description",
                                     "How many calls may wait, with this one; beyond that it ends "
                                     "with 503 at once. 0: it runs now or not at all."},
                                    {"schema", {{"type", "integer"}, {"minimum", 0}}}}});
  out["requestBody"] = {{"required", needs_body(function)},
                        {"content", {{"application/json", {{"schema", body_schema(function)}}}}}};
  return out;
}

Json error_schema() {
  const Json text = {{"type", "string"}};
  return {{"type", "object"},
          {"required", {"error"}},
          {"properties",
           {{"error",
             {{"type", "object"},
              {"required", {"kind", "type", "message"}},
              {"properties",
               {{"kind", text}, {"type", text}, {"message", text}, {"traceback", text}}}}}}}};
}

}  // namespace

std::string encode_segment(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '.' || c == '_' || c == '-' || c == '~';
    out += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

Json make_openapi(const OpenapiSubject& subject, const Json& functions) {
  Json paths = Json::object();
  const Json said = member_or(functions, "functions", Json::object());
  for (const auto& [member, function] : said.items()) {
    const bool itself = member.empty() || member == "__call__";
    const std::string path = itself ? subject.path : subject.path + "/" + encode_segment(member);
    paths[path] = {{"post", operation(itself ? "call" : member, function)}};
  }
  Json schemas = member_or(functions, "schemas", Json::object());
  schemas["Error"] = error_schema();
  Json info = {{"title", subject.title}, {"version", subject.version}};
  if (!subject.description.empty()) info["description"] = subject.description;
  return {{"openapi", "3.1.0"},
          {"info", info},
          {"servers", {{{"url", "/"}}}},
          {"security", {{{"token", Json::array()}}}},
          {"paths", paths},
          {"components",
           {{"schemas", schemas},
            {"securitySchemes", {{"token", {{"type", "http"}, {"scheme", "bearer"}}}}}}}};
}

}  // namespace leanto::node
