#include "node/service_spec.h"

namespace leanto::node {

using wire::Json;

namespace {

std::string_view kind_name(ServiceKind kind) {
  return kind == ServiceKind::kClass ? "class" : "function";
}

std::vector<std::string> read_strings(const Json& words, std::string_view key) {
  std::vector<std::string> strings;
  const auto found = words.find(key);
  if (found == words.end() || !found->is_array()) return strings;
  for (const Json& item : *found) {
    if (item.is_string()) strings.push_back(item.get<std::string>());
  }
  return strings;
}

// What is the same in a deploy's words and in a stored spec.
Result<ServiceSpec> read_common(const Json& words) {
  ServiceSpec spec;
  for (const auto& [key, field] : {std::pair{"name", &spec.name},
                                   {"project", &spec.project},
                                   {"module", &spec.module},
                                   {"qualname", &spec.qualname},
                                   {"python", &spec.python}}) {
    Result<std::string> value = wire::require_string(words, key);
    if (!value) return Failure(value.error());
    *field = *std::move(value);
  }
  spec.kind =
      wire::find_string(words, "kind") == "class" ? ServiceKind::kClass : ServiceKind::kFunction;
  spec.is_main = wire::find_flag(words, "is_main", false);
  spec.root = wire::find_string(words, "root").value_or("");
  spec.file = wire::find_string(words, "file").value_or("");
  spec.search_path = read_strings(words, "search_path");
  const Result<ServiceSettings> settings = read_settings(words.value("settings", Json::object()));
  if (!settings) return Failure(settings.error());
  spec.settings = *settings;
  spec.image = words.value("image", Json());
  return spec;
}

}  // namespace

Result<ServiceSpec> parse_deploy(const Json& words, std::string_view values) {
  Result<ServiceSpec> spec = read_common(words);
  if (!spec) return spec;
  spec->values_hex = to_hex(values);
  if (spec->settings.fresh && spec->kind == ServiceKind::kClass) {
    return fail(ErrorKind::kInvalid,
                "{} is a class, and fresh=True is for functions: a live object is what its process "
                "holds",
                spec->name);
  }
  return spec;
}

std::string make_version(const ServiceSpec& spec) {
  Json json = to_json(spec);
  for (const char* key : {"version", "project", "builder", "describe"}) json.erase(key);
  // Keys are sorted, and strings that are not UTF-8 (paths) are told apart by their bytes.
  return Digest::of(wire::encode_head(json)).hex().substr(0, 32);
}

Json to_json(const ServiceSpec& spec) {
  Json json = {{"version", spec.version},
               {"name", spec.name},
               {"project", spec.project},
               {"kind", kind_name(spec.kind)},
               {"module", spec.module},
               {"qualname", spec.qualname},
               {"python", spec.python},
               {"is_main", spec.is_main},
               {"root", spec.root},
               {"file", spec.file},
               {"values", spec.values_hex},
               {"search_path", spec.search_path},
               {"settings", to_json(spec.settings)},
               {"describe", spec.describe}};
  if (spec.snapshot) json["snapshot"] = spec.snapshot->hex();
  if (!spec.image.is_null()) {
    json["image"] = spec.image;
    json["builder"] = spec.builder;
  }
  if (!spec.secrets.empty()) {
    json["secrets"] = spec.secrets;
    json["secrets_tag"] = spec.secrets_tag;
  }
  return json;
}

Result<ServiceSpec> service_from_json(const Json& json) {
  Result<ServiceSpec> spec = read_common(json);
  if (!spec) return spec;
  spec->version = wire::find_string(json, "version").value_or("");
  spec->values_hex = wire::find_string(json, "values").value_or("");
  spec->describe = json.value("describe", Json::object());
  spec->builder = wire::find_string(json, "builder").value_or("");
  spec->secrets = read_strings(json, "secrets");
  spec->secrets_tag = wire::find_string(json, "secrets_tag").value_or("");
  if (const auto snapshot = wire::find_string(json, "snapshot"))
    spec->snapshot = Digest::parse(*snapshot);
  return spec;
}

}  // namespace leanto::node
