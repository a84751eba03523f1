#include "node/interpreters.h"

#include <unistd.h>

#include <cstdlib>
#include <string_view>

namespace leanto::node {

namespace {

constexpr std::size_t kMaxVersion = 20;

bool is_version(std::string_view text) {
  return !text.empty() && text.size() <= kMaxVersion &&
         text.find_first_not_of("0123456789.") == std::string_view::npos;
}

}  // namespace

Status Interpreters::find(std::string& python) {
  if (python.starts_with('/')) return {};
  if (!is_version(python)) {
    return fail(ErrorKind::kInvalid, "'{}' is neither the path of a Python nor a version of one",
                python);
  }
  if (const auto known = found_.find(python);
      known != found_.end() && ::access(known->second.c_str(), X_OK) == 0) {
    python = known->second;
    return {};
  }
  for (const std::string& name : {"python" + python, std::string("python3")}) {
    for (const std::string& directory : directories_) {
      const std::string path = directory + "/" + name;
      if (::access(path.c_str(), X_OK) != 0) continue;
      found_[python] = path;
      python = path;
      return {};
    }
  }
  return fail(ErrorKind::kImage,
              "there is no python3 on this machine's PATH; install one, 3.9 or newer");
}

void Interpreters::replace_missing(std::string& python, const std::string& other) {
  if (python.starts_with('/') && ::access(python.c_str(), X_OK) != 0) python = other;
}

std::vector<std::string> directories_of_path() {
  const char* const value = std::getenv("PATH");
  std::string_view rest = value == nullptr ? "/usr/local/bin:/usr/bin:/bin" : value;
  std::vector<std::string> directories;
  while (!rest.empty()) {
    const std::size_t end = rest.find(':');
    const std::string_view one = rest.substr(0, end);
    if (one.starts_with('/')) directories.emplace_back(one);
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  }
  return directories;
}

}  // namespace leanto::node
