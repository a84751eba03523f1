// The files and directories of control groups, behind an interface so that tests can put another
// machine's there.
#pragma once

#include <string>
#include <vector>

#include "os/kernel_files.h"
#include "os/unique_fd.h"

namespace leanto {

class CgroupFiles : public KernelFiles {
 public:
  // Into a file that the kernel has made; each write is one command to it.
  virtual Status write(const std::string& path, const std::string& text) = 0;
  virtual Status make_directory(const std::string& path) = 0;    // one that is there is fine
  virtual Status remove_directory(const std::string& path) = 0;  // kCapacity: it's in use
  virtual std::vector<std::string> directories(const std::string& path) const = 0;
  // Version 1: readable when the group in `directory` meets its memory limit.
  virtual Result<UniqueFd> open_oom_event(const std::string& directory) = 0;
};

class SystemCgroupFiles final : public CgroupFiles {
 public:
  Result<std::string> read(const std::string& path) const override { return files_.read(path); }
  bool writable(const std::string& path) const override { return files_.writable(path); }
  Status write(const std::string& path, const std::string& text) override;
  Status make_directory(const std::string& path) override;
  Status remove_directory(const std::string& path) override;
  std::vector<std::string> directories(const std::string& path) const override;
  Result<UniqueFd> open_oom_event(const std::string& directory) override;

 private:
  SystemKernelFiles files_;
};

}  // namespace leanto
