// `leanto call`: a service or an object's method from a shell, with JSON for arguments and result.
#include <fmt/format.h>
#include <signal.h>

#include <cstdio>
#include <memory>
#include <optional>
#include <string>

#include "base/duration.h"
#include "cli/call_answer.h"
#include "cli/call_run.h"
#include "cli/command.h"
#include "cli/report.h"
#include "cli/report_node.h"

namespace leanto::cli {

namespace {

using wire::FrameType;
using wire::Json;

constexpr int kGrantedAtOnce = 4;  // of the eight items that a worker sends ahead

// A service of that name, or else the object.
Result<Json> find_target(Connection& node, const std::string& name) {
  const Result<Reply> reply = node.ask({{"op", "ls"}});
  if (!reply) return Failure(reply.error());
  for (const Json& service : rows_of(reply->head, "services")) {
    if (wire::find_string(service, "name") == name) return Json{{"n", name}};
  }
  for (const Json& object : rows_of(reply->head, "objects")) {
    const auto id = wire::find_string(object, "id");
    if (id && wire::find_string(object, "name") == name) return Json{{"o", *id}};
  }
  return Json{{"n", name}};  // the node says what it has instead
}

// The exit code if the frame ends the call.
std::optional<int> take(const CallFrame& frame, const CallOptions& options) {
  switch (frame.type) {
    case FrameType::kLog:
      std::fwrite(frame.body.data(), 1, frame.body.size(), stderr);
      return std::nullopt;
    case FrameType::kYield:
      print_call_line(frame.body);
      return std::nullopt;
    case FrameType::kError:
      return say_call_error(frame.head, options);
    case FrameType::kResult:
      break;
    default:
      return std::nullopt;
  }
  if (wire::find_flag(frame.head, "stream", false)) return kOk;
  print_call_value(frame.head, frame.body, options);
  return kOk;
}

int follow(Connection& node, std::uint32_t stream, const CallOptions& options) {
  int items = 0;
  bool cancelled = false;
  while (true) {
    if (signal_that_came != 0 && !cancelled) {
      cancelled = true;
      if (Status sent = node.cancel(stream); !sent) return say_call_error(sent.error(), options);
    }
    const Result<std::optional<CallFrame>> frame = node.next(stream);
    if (!frame) return say_call_error(frame.error(), options);
    if (!*frame) continue;
    if (const std::optional<int> code = take(**frame, options)) {
      return cancelled ? kInterrupted : *code;
    }
    if ((*frame)->type == FrameType::kYield && ++items == kGrantedAtOnce) {
      items = 0;
      if (Status sent = node.credit(stream, kGrantedAtOnce); !sent) {
        return say_call_error(sent.error(), options);
      }
    }
  }
}

int make_call(Connection& node, const CallOptions& options, const Json& words) {
  Result<Json> head = find_target(node, options.name);
  if (!head) return say_call_error(head.error(), options);
  head->update(words);
  const std::string body =
      fmt::format(R"({{"args":{},"kwargs":{}}})", options.args, options.kwargs);
  if (!options.key.empty()) return call_as_run(node, options, *std::move(head), body);
  watch_for_signal(SIGINT);
  const Result<std::uint32_t> stream = node.call(*head, body);
  if (!stream) return say_call_error(stream.error(), options);
  return follow(node, *stream, options);
}

// What is wrong with an option, or empty.
std::string check_json(const std::string& text, bool array) {
  const Json value = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (array && !value.is_array()) {
    return fmt::format("--args is a JSON array like '[1, \"two\"]', not: {}", text);
  }
  if (!array && !value.is_object()) {
    return fmt::format("--kwargs is a JSON object like '{{\"lr\": 0.1}}', not: {}", text);
  }
  return "";
}

int call(const CallOptions& options) {
  Json words = {{"data", "json"}};
  if (!options.member.empty()) words["m"] = options.member;
  std::string wrong = check_json(options.args, true);
  if (wrong.empty()) wrong = check_json(options.kwargs, false);
  if (!options.timeout.empty()) {
    const Result<Duration> timeout = parse_duration(options.timeout);
    if (!timeout) wrong = "--timeout: " + timeout.error().message;
    if (timeout) words["timeout"] = std::chrono::duration<double>(*timeout).count();
  }
  if (options.max_queue) words["max_queue"] = *options.max_queue;
  if (!wrong.empty()) return say_call_error(Error{ErrorKind::kInvalid, wrong}, options);
  auto make = [&](Connection& node) { return make_call(node, options, words); };
  return with_node(options.json ? Format::kJson : Format::kText, NoNode::kError, make);
}

}  // namespace

void add_call(CLI::App& app) {
  CLI::App* command = app.add_subcommand("call", "Call a service, or a method of an object");
  command->footer(
      "Examples:\n"
      "  leanto call demo.add --args '[1, 2]'\n"
      "  leanto call trainer step --kwargs '{\"lr\": 0.1}' --timeout 30s | jq .loss\n"
      "  leanto call demo.nightly --key nightly-2025-01-31 --wait --retries 3\n\n"
      "What it returns comes to stdout as JSON, a generator's items each on a line of its own;\n"
      "what it prints comes to stderr, and so does what goes wrong. Ctrl-C cancels it.\n\n"
      "With --key it's a run, which goes on by itself: said again, it's the same run and no "
      "second\n"
      "start. Then Ctrl-C only stops waiting. Exit codes of --wait: 0 it succeeded, 1 it failed,\n"
      "4 it was cancelled, 5 it is lost, 124 it took longer than --timeout.");
  const auto options = std::make_shared<CallOptions>();
  command->add_option("NAME", options->name, "The service or object")->required()->type_name("");
  command->add_option("METHOD", options->member, "The object's method, or the class's")
      ->type_name("");
  command->add_option("--args", options->args, "Arguments in order: a JSON array")
      ->type_name("JSON");
  command->add_option("--kwargs", options->kwargs, "Arguments by name: a JSON object")
      ->type_name("JSON");
  command->add_option("--timeout", options->timeout, "Ends the call after this time: 30s, 2m")
      ->type_name("TIME");
  command
      ->add_option("--max-queue", options->max_queue,
                   "Fails at once if more calls than this would wait; 0: if it can't run now")
      ->type_name("N");
  CLI::Option* key = command->add_option(
      "--key", options->key,
      "Makes it a run of that name: there is one, however often it's asked for");
  key->type_name("KEY")->check(CLI::Validator(
      [](const std::string& text) { return text.empty() ? "an empty key names no run" : ""; }, ""));
  CLI::Option* wait =
      command->add_flag("--wait", options->wait, "Waits for the run, with its output")->needs(key);
  command->add_option("--retries", options->retries, "At most N attempts in all, after errors")
      ->type_name("N")
      ->check(CLI::Range(1, 1000))
      ->needs(key);
  command
      ->add_flag("--cancel-on-interrupt", options->cancel_on_interrupt,
                 "Ctrl-C, or SIGTERM, cancels the run")
      ->needs(wait);
  command->add_flag("--json", options->json, "What goes wrong comes to stdout, too, as JSON");
  on_run(*command, [options] { return call(*options); });
}

}  // namespace leanto::cli
