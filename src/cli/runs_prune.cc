#include "cli/runs_prune.h"

#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <optional>

#include "base/byte_size.h"
#include "base/duration.h"
#include "cli/command.h"
#include "cli/progress.h"
#include "cli/report_node.h"
#include "cli/runs_report.h"

namespace leanto::cli {

using wire::Json;

namespace {

constexpr Duration kRemoveLimit = std::chrono::minutes(30);  // many files on a slow disk

struct PruneOptions {
  std::string keep;
  std::string keep_size;
  std::optional<std::int64_t> keep_count;
  bool dry_run = false;
};

Result<Json> question_of(const PruneOptions& options) {
  Json question = {{"op", "prune_runs"}, {"dry_run", options.dry_run}};
  if (!options.keep.empty()) {
    const Result<Duration> age = parse_duration(options.keep);
    if (!age) return Failure(age.error());
    question["keep"] = std::chrono::duration_cast<std::chrono::milliseconds>(*age).count();
  }
  if (!options.keep_size.empty()) {
    const Result<std::uint64_t> size = parse_byte_size(options.keep_size);
    if (!size) return Failure(size.error());
    question["max_size"] = *size;
  }
  if (options.keep_count) question["max_count"] = *options.keep_count;
  return question;
}

int ask_and_print(Connection& node, const Json& question, Format format) {
  const Result<Reply> reply = ask_with_progress(node, question, "waiting for the node");
  if (!reply) return print_error(reply.error());
  Json answer = reply->head;
  answer["runs"] = Json::parse(reply->body, nullptr, false);
  if (!answer["runs"].is_array())
    return print_error("the node's answer makes no sense; is it another version?");
  if (format == Format::kJson) {
    print_json(answer);
  } else {
    fmt::print("{}", prune_runs_report(answer, screen_of(STDOUT_FILENO)));
  }
  return kOk;
}

int prune(const PruneOptions& options, Format format) {
  const Result<Json> question = question_of(options);
  if (!question) {
    print_error(question.error());
    return kUsage;
  }
  auto ask = [&](Connection& node) { return ask_and_print(node, *question, format); };
  return with_node(format, NoNode::kError, ask, kRemoveLimit);
}

}  // namespace

void add_runs_prune(CLI::App& runs, const std::shared_ptr<int>& exit_code) {
  CLI::App* command =
      runs.add_subcommand("prune", "Forget ended runs, with their results, arguments and logs");
  command->footer(
      "Example:\n  leanto runs prune --dry-run --keep 2d --keep-size 1GB\n\n"
      "The newest are kept, as far as all bounds allow. A bound that isn't given is that of\n"
      "[runs] in node.toml, by which the node forgets runs every ten minutes anyway.");
  const auto options = std::make_shared<PruneOptions>();
  const std::string age = "Keep what ended in the last 2d, 12h, ...";
  const std::string size = "Keep so much of results, arguments and logs, like 1GB or 500MiB";
  const std::string count = "Keep so many";
  const std::string preview = "Only say what would be forgotten";
  command->add_option("--keep", options->keep, age)->type_name("TIME");
  command->add_option("--keep-size", options->keep_size, size)->type_name("SIZE");
  command->add_option("--keep-count", options->keep_count, count)
      ->type_name("N")
      ->check(CLI::NonNegativeNumber.description(""));
  command->add_flag("--dry-run", options->dry_run, preview);
  CLI::Option* json = add_json_flag(*command);
  on_run(*command,
         [options, json, exit_code] { return *exit_code = prune(*options, format_of(json)); });
}

}  // namespace leanto::cli
