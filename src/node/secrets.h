// The values of services' secrets. They are in memory only: a restarted node doesn't have them, and
// says so when it should start a worker that needs them.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "wire/head.h"

namespace leanto::node {

using SecretValues = std::map<std::string, std::string>;  // name → value

class Secrets {
 public:
  Secrets();

  // Keeps the values and returns a tag that is another one for other values. It's made with a key
  // that nobody else has and that ends with this process, so it tells nothing about them.
  std::string keep(SecretValues values);
  // Nothing if they were kept by an earlier process.
  const SecretValues* find(const std::string& tag) const;

 private:
  std::string key_;
  std::map<std::string, SecretValues> kept_;
};

// The values as they travel, a msgpack map. kInvalid if it isn't one of names and texts.
Result<SecretValues> decode_secrets(std::string_view bytes);
std::string encode_secrets(const SecretValues& values);
std::vector<std::string> names_of(const SecretValues& values);

// Takes variables out of this process's environment, so that they reach no child and aren't shown
// in /proc. Returns whether one was there.
bool forget_variables(const std::vector<std::string>& names);

}  // namespace leanto::node
