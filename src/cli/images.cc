// `leanto images`: the environments that were built on this machine, and what of them can go.
#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <memory>

#include "base/byte_size.h"
#include "base/duration.h"
#include "cli/command.h"
#include "cli/images_report.h"
#include "cli/progress.h"
#include "cli/report.h"
#include "cli/report_node.h"

namespace leanto::cli {

namespace {

constexpr Duration kRemoveLimit = std::chrono::minutes(30);  // many small files on a slow disk

struct PruneOptions {
  std::string older_than;
  std::string larger_than;
  bool dry_run = false;
};

using Report = std::string (*)(const wire::Json& answer, const Screen& screen);

int ask_and_print(Connection& node, const wire::Json& question, Format format, Report report) {
  const Result<Reply> reply = ask_with_progress(node, question, "waiting for the node");
  if (!reply) return print_error(reply.error());
  if (format == Format::kJson) {
    print_json(reply->head);
  } else {
    fmt::print("{}", report(reply->head, screen_of(STDOUT_FILENO)));
  }
  return kOk;
}

Result<wire::Json> prune_question(const PruneOptions& options) {
  wire::Json question = {{"op", "prune_images"}, {"dry_run", options.dry_run}};
  if (!options.older_than.empty()) {
    const Result<Duration> age = parse_duration(options.older_than);
    if (!age) return Failure(age.error());
    question["older_than"] = std::chrono::duration<double>(*age).count();
  }
  if (!options.larger_than.empty()) {
    const Result<std::uint64_t> size = parse_byte_size(options.larger_than);
    if (!size) return Failure(size.error());
    question["larger_than"] = *size;
  }
  return question;
}

int prune(const PruneOptions& options, Format format) {
  const Result<wire::Json> question = prune_question(options);
  if (!question) {
    print_error(question.error());
    return kUsage;
  }
  auto ask = [&](Connection& node) { return ask_and_print(node, *question, format, prune_report); };
  return with_node(format, NoNode::kError, ask, kRemoveLimit);
}

// `exit_code` becomes what it returned: the callback of `images` itself runs, too.
void add_prune(CLI::App& images, const std::shared_ptr<int>& exit_code) {
  CLI::App* command = images.add_subcommand(
      "prune", "Remove images that no worker uses and that match all options");
  command->footer("Example:\n  leanto images prune --dry-run --older-than 30d --larger-than 10GB");
  const auto options = std::make_shared<PruneOptions>();
  const std::string age = "Not used for so long, like 30d or 12h";
  const std::string size = "Larger than this, like 10GB or 500MiB";
  const std::string preview = "Only say what would be removed";
  command->add_option("--older-than", options->older_than, age);
  command->add_option("--larger-than", options->larger_than, size);
  command->add_flag("--dry-run", options->dry_run, preview);
  CLI::Option* json = add_json_flag(*command);
  on_run(*command,
         [options, json, exit_code] { return *exit_code = prune(*options, format_of(json)); });
}

}  // namespace

void add_images(CLI::App& app) {
  CLI::App* command =
      app.add_subcommand("images", "List the environments that were built on this machine");
  command->footer("Example:\n  leanto images --json | jq '.images[].size'");
  command->require_subcommand(0, 1);
  CLI::Option* json = add_json_flag(*command);
  const auto exit_code = std::make_shared<int>(kOk);
  add_prune(*command, exit_code);
  on_run(*command, [command, json, exit_code] {
    if (!command->get_subcommands().empty()) return *exit_code;
    const Format format = format_of(json);
    auto ask = [format](Connection& node) {
      return ask_and_print(node, {{"op", "images"}}, format, images_report);
    };
    return with_node(format, NoNode::kError, ask);
  });
}

}  // namespace leanto::cli
