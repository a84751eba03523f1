// `leanto token`: who may use this node over TCP.
#include <fmt/format.h>
#include <unistd.h>

#include <memory>
#include <string>

#include "base/duration.h"
#include "cli/command.h"
#include "cli/report.h"
#include "cli/report_node.h"
#include "cli/table.h"

namespace leanto::cli {

namespace {

using wire::Json;

std::string time_of(const Json& row, std::string_view key) {
  const auto ms = wire::find_number(row, key);
  return ms ? human_time(static_cast<std::int64_t>(*ms)) : "-";
}

std::string rights_of(const Json& row) {
  std::string text;
  const Json rights = row.value("rights", Json::array());
  for (const Json& right : rights) {
    if (right.is_string()) text += (text.empty() ? "" : ",") + right.get<std::string>();
  }
  return text;
}

int create(Connection& node, const std::string& rights, Duration lifetime, Format format) {
  const double seconds = std::chrono::duration<double>(lifetime).count();
  const Result<Reply> reply =
      node.ask({{"op", "token_create"}, {"rights", rights}, {"lifetime", seconds}});
  if (!reply) return print_error(reply.error());
  if (format == Format::kJson) {
    print_json(reply->head);
    return kOk;
  }
  fmt::print("{}\n", text_of(reply->head, "token"));
  fmt::print(stderr, "token {} for {} until {}; it is shown this once\n",
             text_of(reply->head, "id"), rights_of(reply->head),
             time_of(reply->head, "expires_at"));
  return kOk;
}

int list(Connection& node, Format format) {
  const Result<Reply> reply = node.ask({{"op", "token_ls"}});
  if (!reply) return print_error(reply.error());
  if (format == Format::kJson) {
    print_json(reply->head);
    return kOk;
  }
  Table table({{"TOKEN", Shrink::kNever},
               {"RIGHTS"},
               {"CREATED", Shrink::kLast},
               {"EXPIRES", Shrink::kLast}});
  for (const Json& row : rows_of(reply->head, "tokens")) {
    table.add({text_of(row, "id"), rights_of(row), time_of(row, "created_at"),
               time_of(row, "expires_at")});
  }
  fmt::print("{}", table.empty() ? "No tokens; leanto token create makes one.\n"
                                 : table.render(screen_of(STDOUT_FILENO)));
  return kOk;
}

int revoke(Connection& node, const std::string& id, Format format) {
  const Result<Reply> reply = node.ask({{"op", "token_revoke"}, {"id", id}});
  if (!reply) return print_error(reply.error());
  if (format == Format::kJson) print_json({{"revoked", id}});
  if (format == Format::kText) fmt::print("the token {} is good for nothing any more\n", id);
  return kOk;
}

void add_create(CLI::App& parent) {
  CLI::App* command = parent.add_subcommand("create", "Make a token and print it");
  command->footer(
      "Example:\n  TOKEN=$(leanto token create --rights call --expires 30d)\n\n"
      "Rights: call (services and objects), admin (the node's status); deploy and debug are for\n"
      "what is to come.");
  const auto rights = std::make_shared<std::string>("call");
  const auto expires = std::make_shared<std::string>("30d");
  command->add_option("--rights", *rights, "What it is good for, with commas between (call)")
      ->type_name("RIGHTS");
  command->add_option("--expires", *expires, "How long (30d)")->type_name("TIME");
  CLI::Option* json = add_json_flag(*command);
  on_run(*command, [rights, expires, json] {
    const Result<Duration> lifetime = parse_duration(*expires);
    if (!lifetime) {
      print_error("--expires: " + lifetime.error().message);
      return kUsage;
    }
    const Format format = format_of(json);
    auto make = [&](Connection& node) { return create(node, *rights, *lifetime, format); };
    return with_node(format, NoNode::kError, make);
  });
}

void add_list_of(CLI::App& parent) {
  CLI::App* command = parent.add_subcommand("ls", "List the tokens, but not what they say");
  CLI::Option* json = add_json_flag(*command);
  on_run(*command, [json] {
    const Format format = format_of(json);
    auto print = [format](Connection& node) { return list(node, format); };
    return with_node(format, NoNode::kError, print);
  });
}

void add_revoke(CLI::App& parent) {
  CLI::App* command = parent.add_subcommand("revoke", "Let a token be good for nothing");
  const auto id = std::make_shared<std::string>();
  command->add_option("ID", *id, "Its id, as `leanto token ls` shows it")
      ->required()
      ->type_name("");
  CLI::Option* json = add_json_flag(*command);
  on_run(*command, [id, json] {
    const Format format = format_of(json);
    auto take_back = [&](Connection& node) { return revoke(node, *id, format); };
    return with_node(format, NoNode::kError, take_back);
  });
}

}  // namespace

void add_token(CLI::App& app) {
  CLI::App* command = app.add_subcommand("token", "Tokens for HTTP over TCP: make, list, revoke");
  command->require_subcommand(1);
  add_create(*command);
  add_list_of(*command);
  add_revoke(*command);
}

}  // namespace leanto::cli
