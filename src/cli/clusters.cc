// `leanto clusters`, `up`, `down` and `ssh`: named compute, and the machines that it is.
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <vector>

#include "cli/clusters_report.h"
#include "cli/command.h"
#include "cli/progress.h"
#include "cli/report.h"
#include "cli/report_node.h"

namespace leanto::cli {

namespace {

using wire::Json;

constexpr Duration kStepLimit = std::chrono::minutes(3);  // of which the node says nothing

int failed(const Error& error) {
  print_error(error);
  return error.kind == ErrorKind::kNotFound ? kNotFound : kFailed;
}

int list_clusters(Connection& node, Format format) {
  const Result<Reply> reply = node.ask({{"op", "clusters"}});
  if (!reply) return print_error(reply.error());
  const Json& clusters = reply->head.at("clusters");
  if (format == Format::kJson) {
    print_json(clusters);
  } else {
    fmt::print("{}", clusters_report(clusters, screen_of(STDOUT_FILENO)));
  }
  return kOk;
}

int list_orphans(Connection& node, Format format) {
  const Result<Reply> reply = node.ask({{"op", "orphans"}});
  if (!reply) return print_error(reply.error());
  if (format == Format::kJson) {
    print_json(reply->head);
  } else {
    fmt::print("{}", orphans_report(reply->head, screen_of(STDOUT_FILENO)));
  }
  return kOk;
}

int forget_cluster(Connection& node, const std::string& name, Format format) {
  const Result<Reply> reply = node.ask({{"op", "forget_cluster"}, {"name", name}});
  if (!reply) return failed(reply.error());
  if (format == Format::kJson) {
    print_json({{"forgotten", name}});
  } else {
    fmt::print("'{}' is forgotten; its nodes go on (`leanto clusters --orphans` finds them)\n",
               name);
  }
  return kOk;
}

int bring_up(Connection& node, const std::string& name, Format format) {
  const Json question = {{"op", "cluster_up"}, {"name", name}};
  const Result<Reply> reply = ask_with_steps(node, question, fmt::format("bringing up {}", name));
  if (!reply) return failed(reply.error());
  if (format == Format::kJson) {
    print_json(reply->head);
  } else {
    fmt::print("{}", up_report(reply->head));
  }
  return kOk;
}

int take_down(Connection& node, const std::string& name, Format format) {
  const Json question = {{"op", "cluster_down"}, {"name", name}};
  const Result<Reply> reply = ask_with_steps(node, question, fmt::format("taking down {}", name));
  if (!reply) return failed(reply.error());
  if (format == Format::kJson) {
    print_json(reply->head);
  } else {
    for (const Json& each : reply->head.at("nodes"))
      fmt::print("{} is down\n", each.get<std::string>());
  }
  return kOk;
}

// Becomes ssh.
int log_in(Connection& node, const std::string& name, const std::vector<std::string>& command) {
  const Result<Reply> reply = node.ask({{"op", "ssh_command"}, {"node", name}});
  if (!reply) return failed(reply.error());
  auto words = reply->head.at("command").get<std::vector<std::string>>();
  words.insert(words.end(), command.begin(), command.end());
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  ::execvp(arguments[0], arguments.data());
  print_error(fmt::format("{} can't be run: {}", words[0], std::strerror(errno)));
  return kFailed;
}

using OnCluster = int (*)(Connection& node, const std::string& name, Format format);

void add_on_cluster(CLI::App& app, const char* command_name, const char* description,
                    const char* footer, OnCluster body) {
  CLI::App* command = app.add_subcommand(command_name, description);
  command->footer(footer);
  const auto name = std::make_shared<std::string>();
  command->add_option("CLUSTER", *name, "What `leanto clusters` calls it")
      ->required()
      ->type_name("");
  CLI::Option* json = add_json_flag(*command);
  on_run(*command, [name, json, body] {
    const Format format = format_of(json);
    auto run = [&](Connection& node) { return body(node, *name, format); };
    return with_node(format, NoNode::kStart, run, kStepLimit);
  });
}

}  // namespace

void add_clusters(CLI::App& app) {
  CLI::App* command = app.add_subcommand("clusters", "List named compute and its machines");
  command->footer(
      "Example:\n  leanto clusters --json | jq '.[].nodes[] | select(.state != \"up\")'\n\n"
      "Clusters get their names in programs: lt.cluster(\"box\", host=\"10.0.0.7\").");
  const auto forgotten = std::make_shared<std::string>();
  command->add_option("--forget", *forgotten, "Forget a cluster; its nodes go on")
      ->type_name("CLUSTER");
  const auto orphans = std::make_shared<bool>(false);
  command
      ->add_flag("--orphans", *orphans,
                 "Look by ssh, without starting any, for nodes that run unconnected: left by a "
                 "crash, or of a forgotten cluster")
      ->excludes("--forget");
  CLI::Option* json = add_json_flag(*command);
  on_run(*command, [forgotten, orphans, json] {
    const Format format = format_of(json);
    if (*orphans) {
      auto look = [&](Connection& node) { return list_orphans(node, format); };
      return with_node(format, NoNode::kStart, look, kStepLimit);
    }
    auto run = [&](Connection& node) {
      return forgotten->empty() ? list_clusters(node, format)
                                : forget_cluster(node, *forgotten, format);
    };
    return with_node(format, NoNode::kError, run);
  });
}

void add_up(CLI::App& app) {
  add_on_cluster(app, "up", "Start the nodes of a cluster that don't run",
                 "Example:\n  leanto up box\n\n"
                 "What is up stays as it is. A host without leanto gets it; nothing is installed.\n"
                 "Exits with 6 if there is no such cluster.",
                 bring_up);
}

void add_down(CLI::App& app) {
  add_on_cluster(app, "down", "End the nodes of a cluster, with what runs there",
                 "Example:\n  leanto down box\n\n"
                 "Runs that have not ended are lost. The cluster keeps its name.\n"
                 "Exits with 6 if there is no such cluster.",
                 take_down);
}

void add_ssh(CLI::App& app) {
  CLI::App* command = app.add_subcommand("ssh", "Log in to a machine of a cluster");
  command->footer(
      "Example:\n  leanto ssh box\n  leanto ssh farm/10.0.0.8 nvidia-smi\n\n"
      "Exits as ssh does; with 6 if there is no such node.");
  const auto name = std::make_shared<std::string>();
  const auto words = std::make_shared<std::vector<std::string>>();
  command->add_option("NODE", *name, "The cluster, or CLUSTER/HOST if it has several")
      ->required()
      ->type_name("");
  command->add_option("COMMAND", *words, "Run this instead of a shell")->type_name("");
  command->positionals_at_end();
  on_run(*command, [name, words] {
    auto run = [&](Connection& node) { return log_in(node, *name, *words); };
    return with_node(Format::kText, NoNode::kStart, run);
  });
}

}  // namespace leanto::cli
