// Control groups for tests: directories and files in memory. What is written to a file is what is
// read from it; `cgroup.procs` collects the pids.
#pragma once

#include <sys/eventfd.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "os/cgroup_files.h"

namespace leanto {

struct FakeCgroupFiles final : CgroupFiles {
  std::map<std::string, std::string> texts;
  std::set<std::string> writable_paths;
  std::set<std::string> made;     // directories
  std::set<std::string> in_use;   // that cannot be removed
  std::set<std::string> refused;  // files that cannot be written
  bool has_oom_event = true;

  Result<std::string> read(const std::string& path) const override {
    const auto found = texts.find(path);
    if (found == texts.end()) return fail(ErrorKind::kNotFound, "open {}: no such file", path);
    return found->second;
  }
  bool writable(const std::string& path) const override { return writable_paths.contains(path); }
  Status write(const std::string& path, const std::string& text) override {
    if (refused.contains(path)) return fail(ErrorKind::kAccessDenied, "write {}: refused", path);
    if (path.ends_with("/cgroup.procs")) {
      for (auto& [file, pids] : texts) {  // a process is in one group
        if (file.ends_with("/cgroup.procs") && pids == text + "\n") pids.clear();
      }
      texts[path] += text + "\n";
    } else {
      texts[path] = text;
    }
    return {};
  }
  Status make_directory(const std::string& path) override {
    if (refused.contains(path)) return fail(ErrorKind::kAccessDenied, "mkdir {}: refused", path);
    made.insert(path);
    return {};
  }
  Status remove_directory(const std::string& path) override {
    const bool has_more = std::any_of(made.begin(), made.end(), [&](const std::string& other) {
      return other.starts_with(path + "/");
    });
    if (has_more || in_use.contains(path))
      return fail(ErrorKind::kCapacity, "the control group {} is in use", path);
    made.erase(path);
    return {};
  }
  std::vector<std::string> directories(const std::string& path) const override {
    std::vector<std::string> names;
    for (const std::string& other : made) {
      if (other.starts_with(path + "/")) names.push_back(other.substr(path.size() + 1));
    }
    return names;
  }
  Result<UniqueFd> open_oom_event(const std::string& directory) override {
    if (!has_oom_event) return fail(ErrorKind::kNotFound, "no event for {}", directory);
    return UniqueFd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  }
};

}  // namespace leanto
