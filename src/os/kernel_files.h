// What the kernel says in its text files (/proc, /sys), behind an interface so that tests can put
// other machines there: cgroup v2, no cgroups, a small container.
#pragma once

#include <string>

#include "base/result.h"

namespace leanto {

class KernelFiles {
 public:
  virtual ~KernelFiles() = default;

  // The whole text. kNotFound when there is no such file (or process), kInternal otherwise.
  virtual Result<std::string> read(const std::string& path) const = 0;
  virtual bool writable(const std::string& path) const = 0;
};

class SystemKernelFiles final : public KernelFiles {
 public:
  Result<std::string> read(const std::string& path) const override;
  bool writable(const std::string& path) const override;
};

}  // namespace leanto
