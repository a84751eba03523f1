// Where a user's files of Leanto are: the XDG base directories.
//
//   config  $XDG_CONFIG_HOME/leanto  else ~/.config/leanto       node.toml
//   state   $XDG_STATE_HOME/leanto   else ~/.local/state/leanto  socket, lock, ledger, logs
//   cache   $XDG_CACHE_HOME/leanto   else ~/.cache/leanto        blobs, workspaces: may be deleted
//
// A variable whose value is not an absolute path is ignored, as the XDG specification asks.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "base/result.h"

namespace leanto {

struct Directories {
  std::filesystem::path config;
  std::filesystem::path state;
  std::filesystem::path cache;

  std::filesystem::path node_config() const { return config / "node.toml"; }
  std::filesystem::path socket() const { return state / "node.sock"; }

  friend bool operator==(const Directories&, const Directories&) = default;
};

using FindVariable = std::function<std::optional<std::string>(const char* name)>;

// The process's own environment variables.
std::optional<std::string> find_environment_variable(const char* name);

// kInvalid if $HOME is needed and unset: a static binary cannot ask the user database reliably.
Result<Directories> find_directories(const FindVariable& find_variable);

// Makes `path` and what is missing above it, readable by its owner only. A directory that is there
// already must belong to this user and let nobody else write: kAccessDenied if not.
Status create_private_directory(const std::filesystem::path& path);

Status create_directories(const Directories& directories);  // all three

}  // namespace leanto
