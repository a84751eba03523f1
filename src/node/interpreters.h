// Which Python of this machine a service runs in that comes from another one: there the path of the
// caller's interpreter says nothing, its version does.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.h"

namespace leanto::node {

class Interpreters {
 public:
  // `directories` are looked into in this order: those of PATH.
  explicit Interpreters(std::vector<std::string> directories)
      : directories_(std::move(directories)) {}

  // An absolute path stays. A version, "3.11", becomes the path of pythonVERSION, or, if there is
  // none, of python3, whatever its version. kImage: this machine has no Python.
  Status find(std::string& python);
  // For the path of another machine's Python: `other` takes its place where it isn't one here.
  static void replace_missing(std::string& python, const std::string& other);

 private:
  const std::vector<std::string> directories_;
  std::map<std::string, std::string> found_;  // by version
};

std::vector<std::string> directories_of_path();

}  // namespace leanto::node
