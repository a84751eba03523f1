// Kernel files for tests: paths and their texts.
#pragma once

#include <map>
#include <set>
#include <string>

#include "os/kernel_files.h"

namespace leanto {

struct FakeKernelFiles final : KernelFiles {
  std::map<std::string, std::string> texts;
  std::set<std::string> writable_paths;

  Result<std::string> read(const std::string& path) const override {
    const auto found = texts.find(path);
    if (found == texts.end()) return fail(ErrorKind::kNotFound, "open {}: no such file", path);
    return found->second;
  }
  bool writable(const std::string& path) const override { return writable_paths.contains(path); }
};

}  // namespace leanto
