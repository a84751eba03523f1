#include "node/secrets.h"

#include <sys/random.h>

#include <cstdlib>
#include <cstring>
#include <stdexcept>

#include "base/digest.h"

namespace leanto::node {

Secrets::Secrets() : key_(32, '\0') {
  if (::getrandom(key_.data(), key_.size(), 0) != static_cast<ssize_t>(key_.size())) {
    throw std::runtime_error("the system gives no random bytes");
  }
}

std::string Secrets::keep(SecretValues values) {
  const std::string inner = Digest::of(key_ + encode_secrets(values)).hex();
  std::string tag = Digest::of(key_ + inner).hex().substr(0, 32);
  kept_[tag] = std::move(values);
  return tag;
}

const SecretValues* Secrets::find(const std::string& tag) const {
  const auto found = kept_.find(tag);
  return found == kept_.end() ? nullptr : &found->second;
}

Result<SecretValues> decode_secrets(std::string_view bytes) {
  const Result<wire::Json> map = wire::decode_head(bytes);
  SecretValues values;
  bool right = map.has_value();
  if (right) {
    for (const auto& [name, value] : map->items()) {
      right = right && value.is_string() && !value.get<std::string>().empty();
      if (right) values[name] = value.get<std::string>();
    }
  }
  if (right) return values;
  return fail(ErrorKind::kInvalid, "the secrets of a deploy are not names and texts");
}

std::string encode_secrets(const SecretValues& values) {
  return wire::encode_head(wire::Json(values));
}

std::vector<std::string> names_of(const SecretValues& values) {
  std::vector<std::string> names;
  for (const auto& [name, value] : values) names.push_back(name);
  return names;
}

bool forget_variables(const std::vector<std::string>& names) {
  bool any = false;
  for (const std::string& name : names) {
    char* value = std::getenv(name.c_str());
    if (value == nullptr) continue;
    any = true;
    std::memset(value, '*', std::strlen(value));  // /proc/PID/environ shows this very memory
    ::unsetenv(name.c_str());
  }
  return any;
}

}  // namespace leanto::node
