// A service at a version, as a value: everything that decides what a worker of it runs.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/digest.h"
#include "base/result.h"
#include "node/service_settings.h"
#include "wire/head.h"

namespace leanto::node {

enum class ServiceKind { kFunction, kClass };

struct ServiceSpec {
  std::string
      version;  // 32 hex digits of the digest of what follows but project, builder, describe
  std::string name;
  std::string project;
  ServiceKind kind = ServiceKind::kFunction;
  std::string module;
  std::string qualname;
  std::string python;  // the interpreter; an image's own, if there is one
  // What the environment is built from, {"python", "steps"}; null: it's that of the interpreter.
  wire::Json image;
  std::string builder;               // the interpreter that builds the image where it isn't there
  std::vector<std::string> secrets;  // names
  std::string secrets_tag;           // stands for their values (node/secrets.h)
  bool is_main = false;
  // Of a project's code; absent for what is installed with the interpreter.
  std::optional<Digest> snapshot;
  std::string root;
  std::string file;
  std::vector<std::string> search_path;
  std::string values_hex;  // the pickled handles that a script needs
  ServiceSettings settings;
  wire::Json describe = wire::Json::object();  // what a worker said that it offers

  friend bool operator==(const ServiceSpec&, const ServiceSpec&) = default;
};

using ServicePtr = std::shared_ptr<const ServiceSpec>;

// Reads the words of a deploy; `snapshot` and `version` are still to be filled in.
Result<ServiceSpec> parse_deploy(const wire::Json& words, std::string_view values);
std::string make_version(const ServiceSpec& spec);

wire::Json to_json(const ServiceSpec& spec);
Result<ServiceSpec> service_from_json(const wire::Json& json);

}  // namespace leanto::node
