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

struct Wanted {
  std::string rights = "call";
  std::string expires = "30d";
  bool join = false;
  std::string host;  // empty: as the node knows itself
};

int create(Connection& node, const Wanted& wanted, Duration lifetime, Format format) {
  const double seconds = std::chrono::duration<double>(lifetime).count();
  Json question = {{"op", "token_create"}, {"rights", wanted.rights}, {"lifetime", seconds}};
  if (!wanted.host.empty()) question["host"] = wanted.host;
  if (wanted.join) question["join"] = true;
  const Result<Reply> reply = node.ask(question);
  if (!reply) return print_error(reply.error());
  if (format == Format::kJson) {
    print_json(reply->head);
    return kOk;
  }
  fmt::print("{}\n", text_of(reply->head, wanted.join ? "join" : "token"));
  fmt::print(stderr, "token {} for {} until {}; it is shown this once{}\n",
             text_of(reply->head, "id"), rights_of(reply->head), time_of(reply->head, "expires_at"),
             wanted.join ? ". Who has the word above has all of it: keep it secret" : "");
  if (const Json tls = reply->head.value("tls", Json()); tls.is_object() && !wanted.join) {
    fmt::print(stderr, "the node is reached at {}, with the fingerprint {}\n",
               text_of(tls, "address"), text_of(tls, "fingerprint"));
  }
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
      "Examples:\n  TOKEN=$(leanto token create --rights call --expires 30d)\n"
      "  leanto token create --rights call,deploy --join\n\n"
      "Rights: call (services, objects and runs; by Python that is to run code in workers), "
      "deploy\n"
      "(send code), debug (logs, and runs with all that they need), admin (the node itself, "
      "commands\n"
      "and files on its machine, other nodes).");
  const auto wanted = std::make_shared<Wanted>();
  command->add_option("--rights", wanted->rights, "What it is good for, with commas between (call)")
      ->type_name("RIGHTS");
  command->add_option("--expires", wanted->expires, "How long (30d)")->type_name("TIME");
  command->add_flag("--join", wanted->join,
                    "Print one word for lt.cluster(url=...) that has the token, the node's address "
                    "and its fingerprint");
  command
      ->add_option("--host", wanted->host, "The name or address by which others reach this machine")
      ->type_name("HOST");
  CLI::Option* json = add_json_flag(*command);
  on_run(*command, [wanted, json] {
    const Result<Duration> lifetime = parse_duration(wanted->expires);
    if (!lifetime) {
      print_error("--expires: " + lifetime.error().message);
      return kUsage;
    }
    const Format format = format_of(json);
    auto make = [&](Connection& node) { return create(node, *wanted, *lifetime, format); };
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
  CLI::App* command = app.add_subcommand("token", "Tokens for TCP: make, list, revoke");
  command->require_subcommand(1);
  add_create(*command);
  add_list_of(*command);
  add_revoke(*command);
}

}  // namespace leanto::cli
