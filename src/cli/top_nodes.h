// The nodes that `leanto top` watches: the one here, and those of other machines that it's
// connected with; with `--on` one of these alone.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cli/connection.h"
#include "cli/top_report.h"

namespace leanto::cli {

class WatchedNodes {
 public:
  explicit WatchedNodes(std::string socket) : socket_(std::move(socket)) {}

  // The first is the node here, or that of `--on`; the others follow by name. A node that ends may
  // come back: it's waited for, but never started.
  std::vector<NodeLook> look();

 private:
  struct Watched {
    std::optional<Connection> connection{};
    CpuMeter meter{};
  };

  NodeLook look_at(const std::string& name);
  std::vector<std::string> names_of_others();

  const std::string socket_;
  std::map<std::string, Watched> nodes_;
};

}  // namespace leanto::cli
