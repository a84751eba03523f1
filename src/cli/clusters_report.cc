#include "cli/clusters_report.h"

#include <fmt/format.h>

#include "cli/table.h"

namespace leanto::cli {

using wire::Json;

namespace {

std::string text(const Json& row, std::string_view key) {
  return wire::find_string(row, key).value_or("");
}

// Why a node is down, in full: below the table, whose lines are cut.
std::string reason_of(const Json& node) {
  const auto error = node.find("error");
  if (error == node.end() || text(node, "state") != "down") return {};
  return fmt::format("{} is down: {}\n", text(node, "name"), text(*error, "message"));
}

}  // namespace

std::string clusters_report(const Json& clusters, const Screen& screen) {
  Table table({{"CLUSTER"}, {"PROVIDER", Shrink::kNever}, {"NODE"}, {"STATE"}});
  std::string reasons;
  for (const Json& cluster : clusters) {
    const std::string name = text(cluster, "name");
    const Json nodes = cluster.value("nodes", Json::array());
    if (nodes.empty())
      table.add({name, text(cluster, "provider"), fmt::format("({})", text(cluster, "asked")), ""});
    for (const Json& node : nodes)
      table.add({name, text(cluster, "provider"), text(node, "host"), text(node, "state")});
    for (const Json& node : nodes) reasons += reason_of(node);
  }
  if (!reasons.empty()) reasons = "\n" + reasons;
  if (!table.empty()) return table.render(screen) + reasons;
  return "no clusters yet; a program makes one: lt.cluster(\"box\", host=\"10.0.0.7\")\n";
}

std::string up_report(const Json& said) {
  const Json nodes = said.value("nodes", Json::array());
  if (nodes.empty()) return "this cluster is this machine, which is up\n";
  std::string report;
  for (const Json& node : nodes) {
    const bool was_up = wire::find_flag(node, "was_up", false);
    report += fmt::format("{} is up{} (leanto {})\n", text(node, "name"),
                          was_up ? " already; nothing was done" : "", text(node, "version"));
  }
  return report;
}

}  // namespace leanto::cli
