// What `leanto doctor` finds on this machine. Nothing here changes anything, and every wait has a
// limit.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/doctor_checks.h"
#include "os/xdg.h"

namespace leanto::cli {

Result<PythonFacts> look_at_python();

std::vector<DirectoryFacts> look_at_directories(const Directories& directories);
Status look_at_config(const Directories& directories);

struct NodeFacts {
  SocketState socket = SocketState::kNone;
  std::string why;                           // kOther
  std::optional<std::string> version;        // of the node, if one runs
  std::optional<std::string> memory_limits;  // how it keeps them
};
NodeFacts look_at_node(const Directories& directories);

struct OpenFiles {
  std::uint64_t soft = 0;
  std::uint64_t hard = 0;
};
OpenFiles look_at_open_files();

std::optional<std::uint64_t> size_of_shared_memory();
Result<Machine> look_at_machine();
std::vector<std::string> look_at_gpus();
// When a file of the state directory was changed last, in ms since 1970.
std::optional<std::int64_t> last_change(const Directories& directories);
std::optional<std::string> find_in_path(const std::string& program);

}  // namespace leanto::cli
