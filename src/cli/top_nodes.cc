#include "cli/top_nodes.h"

#include <algorithm>

#include "cli/command.h"
#include "cli/node_questions.h"

namespace leanto::cli {

using wire::Json;

namespace {

constexpr Duration kAnswerLimit = std::chrono::seconds(5);
// Of another machine: one that hangs must not keep the rest from being seen.
constexpr Duration kFarLimit = std::chrono::seconds(2);

}  // namespace

std::vector<NodeLook> WatchedNodes::look() {
  std::vector<NodeLook> looks;
  looks.push_back(look_at(asked_node()));
  looks.front().name = "";
  if (!asked_node().empty() || !looks.front().gone.empty()) return looks;
  const std::vector<std::string> others = names_of_others();
  std::erase_if(nodes_, [&others](const auto& known) {
    const auto& name = known.first;
    return !name.empty() && std::find(others.begin(), others.end(), name) == others.end();
  });
  for (const std::string& name : others) looks.push_back(look_at(name));
  return looks;
}

NodeLook WatchedNodes::look_at(const std::string& name) {
  Watched& node = nodes_[name];
  const bool is_first = name == asked_node();
  if (!node.connection) {
    Result<Connection> opened =
        Connection::open_on(socket_, name, is_first ? kAnswerLimit : kFarLimit);
    if (!opened) {
      const bool is_none = opened.error().kind == ErrorKind::kNotFound && name.empty();
      return {name,
              {},
              is_none ? "no node is running here (it starts on first use); q quits"
                      : opened.error().message};
    }
    node.connection.emplace(*std::move(opened));
    node.meter = CpuMeter();
  }
  Result<Json> status = ask_for_status(*node.connection);
  if (status) return {name, node.meter.measure(*std::move(status)), {}};
  node.connection.reset();
  return {name, {}, status.error().message};
}

// One node may be of several clusters.
std::vector<std::string> WatchedNodes::names_of_others() {
  const Result<Reply> reply = nodes_[""].connection->ask({{"op", "clusters"}});
  if (!reply) return {};
  std::map<std::string, std::string> names;  // by the node's id
  for (const Json& cluster : rows_of(reply->head, "clusters")) {
    for (const Json& node : rows_of(cluster, "nodes")) {
      if (text_of(node, "state") != "up") continue;
      const std::string name = text_of(node, "name");
      const auto known = names.emplace(text_of(node, "id"), name).first;
      known->second = std::min(known->second, name);
    }
  }
  std::vector<std::string> sorted;
  for (const auto& [id, name] : names) sorted.push_back(name);
  std::sort(sorted.begin(), sorted.end());
  return sorted;
}

}  // namespace leanto::cli
