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

// "?": it's of a version that doesn't say.
std::string age(const Json& row, std::string_view key) {
  const auto seconds = wire::find_number(row, key);
  return seconds ? human_duration(*seconds) : "?";
}

std::string join(const Json& names) {
  std::string text;
  for (const Json& name : names) text += (text.empty() ? "" : ", ") + name.get<std::string>();
  return text;
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

std::string orphans_report(const Json& said, const Screen& screen) {
  Table table({{"HOST"},
               {"CLUSTER"},
               {"VERSION", Shrink::kNever},
               number_column("UP"),
               number_column("IDLE"),
               number_column("CALLS"),
               {"SERVICES", Shrink::kLast}});
  std::string ends;
  for (const Json& row : said.value("orphans", Json::array())) {
    table.add(
        {text(row, "host"),
         text(row, "cluster") + (wire::find_flag(row, "is_known", false) ? "" : " (forgotten)"),
         text(row, "version"), age(row, "uptime"), age(row, "idle"),
         wire::find_number(row, "calls") ? fmt::format("{:.0f}", *wire::find_number(row, "calls"))
                                         : "?",
         join(row.value("services", Json::array()))});
    ends += fmt::format("end the one on {}: {}\n", text(row, "host"), text(row, "end"));
  }
  for (const Json& row : said.value("not_asked", Json::array()))
    ends += fmt::format("not known of {}: {}\n", text(row, "host"), text(row, "error"));
  if (!table.empty()) return table.render(screen) + "\n" + ends;
  const double looked_at = wire::find_number(said, "looked_at").value_or(0);
  return fmt::format("no orphans; hosts that were asked: {:.0f}\n", looked_at) + ends;
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
