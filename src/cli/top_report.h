// What goes on at a node, as one screen of text.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cli/report.h"
#include "os/machine.h"

namespace leanto::cli {

// Processor time of two looks at a node makes percents: 100 is one processor.
class CpuMeter {
 public:
  // `status` with "cpu_percent" added to the node and to each of its workers that was there at the
  // look before; null where it wasn't.
  wire::Json measure(wire::Json status);

 private:
  std::map<double, double> before_;  // pid → seconds of processor time
  double at_ = 0;                    // the node's uptime then
};

// What one look at a node has shown: its status, or why there is none.
struct NodeLook {
  std::string name;  // of another machine's; empty: the node here
  wire::Json status{};
  std::string gone{};
};

// A group of rows for each node. Where the screen is too low for all, the highest give way first.
std::string top_report(const std::vector<NodeLook>& nodes, const std::optional<Machine>& machine,
                       const Screen& screen);

// At most as wide and as high as the screen; `machine`: what this machine has.
std::string top_report(const wire::Json& status, const std::optional<Machine>& machine,
                       const Screen& screen);

}  // namespace leanto::cli
