// `leanto completion`: what a shell needs to complete commands, options and the node's names; and
// the hidden command that it asks.
#include <fmt/format.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "cli/command.h"
#include "cli/complete.h"
#include "cli/completion_scripts.h"
#include "cli/node_questions.h"
#include "cli/report.h"
#include "os/xdg.h"

namespace leanto::cli {

namespace {

using wire::Json;

constexpr Duration kPatience = std::chrono::seconds(1);  // of somebody who types
constexpr int kMostRuns = 200;

// Whatever goes wrong, there are no names: a shell shows no errors in the middle of a line.
class NodeNames final : public LiveNames {
 public:
  Candidates services() override {
    Candidates found;
    for (const Json& row : rows_of(ask({{"op", "ls"}}), "services"))
      found.push_back({text_of(row, "name"), text_of(row, "kind")});
    return found;
  }

  Candidates objects() override {
    Candidates found;
    for (const Json& row : rows_of(ask({{"op", "ls"}}), "objects")) {
      const auto name = wire::find_string(row, "name");
      if (name && !name->empty()) found.push_back({*name, text_of(row, "kind")});
    }
    return found;
  }

  Candidates runs() override {
    Candidates found;
    (void)ask({{"op", "runs"}, {"limit", kMostRuns}});
    const Json list = Json::parse(body_, nullptr, /*allow_exceptions=*/false);
    for (const Json& row : rows_of({{"runs", list}}, "runs")) {
      const std::string about = text_of(row, "service") + ", " + text_of(row, "status");
      found.push_back({text_of(row, "id"), about});
      if (const auto key = wire::find_string(row, "key")) found.push_back({*key, about});
    }
    return found;
  }

  Candidates tokens() override {
    Candidates found;
    for (const Json& row : rows_of(ask({{"op", "token_ls"}}), "tokens"))
      found.push_back({text_of(row, "id")});
    return found;
  }

  Candidates members(const std::string& name) override {
    const Json service = ask({{"op", "lookup"}, {"name", name}, {"kind", "class"}});
    if (service.contains("describe")) return names_in(service["describe"], "class_members");
    for (const Json& row : rows_of(ask({{"op", "ls"}}), "objects")) {
      const bool meant = wire::find_string(row, "name") == name && row.contains("class");
      if (!meant) continue;  // of a value, "get" would bring all of it
      return names_in(ask({{"op", "get"}, {"key", name}}).value("describe", Json::object()),
                      "members");
    }
    return {};
  }

 private:
  static Candidates names_in(const Json& describe, const char* key) {
    Candidates found;
    const Json members = describe.value(key, Json::object());
    for (const auto& [name, kind] : members.items())
      found.push_back({name, kind.is_string() ? kind.get<std::string>() : ""});
    return found;
  }

  Json ask(const Json& question) {
    body_.clear();
    if (!node_ && !connect()) return Json::object();
    Result<Reply> reply = node_->ask(question);
    if (!reply) return Json::object();
    body_ = std::move(reply->body);
    return std::move(reply->head);
  }

  bool connect() {
    const Result<Directories> directories = find_directories(find_environment_variable);
    if (!directories) return false;
    Result<Connection> connection = Connection::open(directories->socket(), kPatience);
    if (connection) node_.emplace(*std::move(connection));
    return connection.has_value();
  }

  std::optional<Connection> node_;
  std::string body_;
};

// A name with a line break can't be said in a line.
bool is_one_line(const std::string& text) { return text.find_first_of("\n\t\r") == text.npos; }

int print_script(const std::string& shell) {
  if (shell == "bash") fmt::print("{}", kBashCompletion);
  if (shell == "zsh") fmt::print("{}", kZshCompletion);
  if (shell == "fish") fmt::print("{}", kFishCompletion);
  if (shell == "bash" || shell == "zsh" || shell == "fish") return kOk;
  print_error(fmt::format("there is no completion for '{}': say bash, zsh or fish", shell));
  return kUsage;
}

}  // namespace

int print_completions(const CLI::App& app, const std::vector<std::string>& words) {
  NodeNames names;
  for (const Candidate& each : complete(app, words, names))
    if (is_one_line(each.text)) fmt::print("{}\t{}\n", each.text, each.about);
  return kOk;
}

void add_completion(CLI::App& app) {
  CLI::App* command =
      app.add_subcommand("completion", "Print what a shell needs to complete leanto");
  command->footer(
      "Examples:\n"
      "  source <(leanto completion bash)          # in ~/.bashrc\n"
      "  source <(leanto completion zsh)           # in ~/.zshrc, after compinit\n"
      "  leanto completion fish | source           # in ~/.config/fish/config.fish\n\n"
      "Commands, options, and the names of services, objects and runs are completed.");
  const auto shell = std::make_shared<std::string>();
  command->add_option("SHELL", *shell, "bash, zsh or fish")->required()->type_name("");
  on_run(*command, [shell] { return print_script(*shell); });
}

}  // namespace leanto::cli
