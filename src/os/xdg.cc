#include "os/xdg.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "os/files.h"

namespace leanto {
namespace {

namespace fs = std::filesystem;

std::optional<fs::path> find_absolute(const FindVariable& find_variable, const char* name) {
  auto value = find_variable(name);
  if (!value || !value->starts_with('/')) return std::nullopt;
  return fs::path(*std::move(value));
}

struct Place {
  const char* variable;
  const char* below_home;
};
constexpr Place kConfig{"XDG_CONFIG_HOME", ".config"};
constexpr Place kState{"XDG_STATE_HOME", ".local/state"};
constexpr Place kCache{"XDG_CACHE_HOME", ".cache"};

Result<fs::path> find_place(const FindVariable& find_variable, const Place& place) {
  if (const auto base = find_absolute(find_variable, place.variable)) return *base / "leanto";
  if (const auto home = find_absolute(find_variable, "HOME")) {
    return *home / place.below_home / "leanto";
  }
  return fail(ErrorKind::kInvalid,
              "cannot tell where your files are: neither {} nor HOME is set to an absolute path; "
              "set HOME",
              place.variable);
}

Status check_private(const fs::path& path) {
  struct stat found{};
  if (::stat(path.c_str(), &found) != 0) {
    return fail_errno(ErrorKind::kInternal, errno, "look at " + path.string());
  }
  if (!S_ISDIR(found.st_mode)) {
    return fail(ErrorKind::kInvalid, "{} is not a directory; move it away", path.string());
  }
  if (found.st_uid != ::geteuid()) {
    return fail(ErrorKind::kAccessDenied, "{} belongs to user {}, not to you (user {})",
                path.string(), found.st_uid, ::geteuid());
  }
  if ((found.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return fail(ErrorKind::kAccessDenied, "others may write in {}; run: chmod go-w {}",
                path.string(), path.string());
  }
  return {};
}

}  // namespace

std::optional<std::string> find_environment_variable(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

Result<Directories> find_directories(const FindVariable& find_variable) {
  auto config = find_place(find_variable, kConfig);
  if (!config) return Failure(config.error());
  auto state = find_place(find_variable, kState);
  if (!state) return Failure(state.error());
  auto cache = find_place(find_variable, kCache);
  if (!cache) return Failure(cache.error());
  return Directories{*std::move(config), *std::move(state), *std::move(cache)};
}

Status create_private_directory(const fs::path& path) {
  if (auto made = make_directories(path.string(), 0700); !made) return made;
  return check_private(path);
}

Status create_directories(const Directories& directories) {
  for (const fs::path* path : {&directories.config, &directories.state, &directories.cache}) {
    if (auto made = create_private_directory(*path); !made) return made;
  }
  return {};
}

}  // namespace leanto
