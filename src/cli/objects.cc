// `leanto objects`: what is kept in the node's memory, by whom, and how much it is.
#include <fmt/format.h>
#include <unistd.h>

#include <memory>
#include <vector>

#include "cli/command.h"
#include "cli/node_questions.h"
#include "cli/objects_report.h"
#include "cli/report.h"
#include "cli/report_node.h"

namespace leanto::cli {

namespace {

using wire::Json;

int print_objects(Connection& node, Format format) {
  const Result<std::vector<Json>> objects = ask_for_objects(node);
  if (!objects) return print_error(objects.error());
  if (format == Format::kJson) {
    print_json(*objects);
  } else {
    fmt::print("{}", objects_report(*objects, now_ms(), screen_of(STDOUT_FILENO)));
  }
  return kOk;
}

// All that can be deleted are, whatever becomes of the others.
int delete_objects(Connection& node, const std::vector<std::string>& keys, Format format) {
  int code = kOk;
  Json deleted = Json::array();
  for (const std::string& key : keys) {
    const Result<Reply> reply = node.ask({{"op", "delete"}, {"key", key}});
    if (reply) {
      deleted.push_back(key);
      if (format == Format::kText) fmt::print("'{}' is gone\n", key);
      continue;
    }
    code = print_error(reply.error());
    if (reply.error().kind == ErrorKind::kNotFound) code = kNotFound;
  }
  if (format == Format::kJson) print_json({{"deleted", deleted}});
  return code;
}

void add_delete(CLI::App& objects, const std::shared_ptr<int>& exit_code) {
  CLI::App* command =
      objects.add_subcommand("delete", "Delete objects; an instance's process ends");
  command->footer(
      "Example:\n  leanto objects delete trainer\n\n"
      "Calls to an instance that run are finished, others refused.\n"
      "Exits with 6 if there is no such object.");
  const auto keys = std::make_shared<std::vector<std::string>>();
  command->add_option("KEY", *keys, "What `leanto objects` calls it")->required()->type_name("");
  CLI::Option* json = add_json_flag(*command);
  on_run(*command, [keys, json, exit_code] {
    const Format format = format_of(json);
    auto remove = [&](Connection& node) { return delete_objects(node, *keys, format); };
    return *exit_code = with_node(format, NoNode::kError, remove);
  });
}

}  // namespace

void add_objects(CLI::App& app) {
  CLI::App* command =
      app.add_subcommand("objects", "List what is kept in memory: instances, values, results");
  command->footer(
      "Example:\n  leanto objects --json | jq '.[] | select(.size > 1e9) | .key'\n\n"
      "SIZE is that of a value, or the memory of an instance's process.");
  command->require_subcommand(0, 1);
  CLI::Option* json = add_json_flag(*command);
  const auto exit_code = std::make_shared<int>(kOk);
  add_delete(*command, exit_code);
  on_run(*command, [command, json, exit_code] {
    if (!command->get_subcommands().empty()) return *exit_code;
    const Format format = format_of(json);
    auto print = [format](Connection& node) { return print_objects(node, format); };
    return with_node(format, NoNode::kError, print);
  });
}

}  // namespace leanto::cli
