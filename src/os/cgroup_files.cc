#include "os/cgroup_files.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "os/files.h"

namespace leanto {

Status SystemCgroupFiles::write(const std::string& path, const std::string& text) {
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd) return file_failure(errno, "open", path);
  if (::write(fd.get(), text.data(), text.size()) < 0) return file_failure(errno, "write", path);
  return {};
}

Status SystemCgroupFiles::make_directory(const std::string& path) {
  if (::mkdir(path.c_str(), 0755) == 0 || errno == EEXIST) return {};
  return file_failure(errno, "mkdir", path);
}

Status SystemCgroupFiles::remove_directory(const std::string& path) {
  if (::rmdir(path.c_str()) == 0 || errno == ENOENT) return {};
  if (errno == EBUSY || errno == ENOTEMPTY)
    return fail(ErrorKind::kCapacity, "the control group {} is in use", path);
  return file_failure(errno, "rmdir", path);
}

std::vector<std::string> SystemCgroupFiles::directories(const std::string& path) const {
  std::vector<std::string> names;
  const auto directory = open_directory_at(AT_FDCWD, path);
  if (!directory) return names;
  const auto items = list_directory(directory->get(), path);
  if (!items) return names;
  for (const DirectoryItem& item : *items) {
    if (item.kind == FileKind::kDirectory) names.push_back(item.name);
  }
  return names;
}

Result<UniqueFd> SystemCgroupFiles::open_oom_event(const std::string& directory) {
  const std::string path = directory + "/memory.oom_control";
  const UniqueFd control(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!control) return file_failure(errno, "open", path);
  UniqueFd event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!event) return fail_errno(ErrorKind::kCapacity, errno, "making an eventfd");
  const std::string pair = fmt::format("{} {}", event.get(), control.get());
  if (Status asked = write(directory + "/cgroup.event_control", pair); !asked)
    return Failure(asked.error());
  return event;
}

}  // namespace leanto
