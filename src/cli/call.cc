// `leanto call`: a service or an object's method from a shell, with JSON for arguments and result.
#include <fmt/format.h>
#include <signal.h>

#include <cstdio>
#include <memory>
#include <optional>
#include <string>

#include "base/duration.h"
#include "cli/command.h"
#include "cli/report.h"
#include "cli/report_node.h"

namespace leanto::cli {

namespace {

using wire::FrameType;
using wire::Json;

constexpr int kGrantedAtOnce = 4;  // of the eight items that a worker sends ahead

struct CallOptions {
  std::string name;
  std::string member;
  std::string args = "[]";
  std::string kwargs = "{}";
  std::string timeout;
  std::optional<std::uint32_t> max_queue;
  bool json = false;
};

volatile sig_atomic_t interrupted = 0;

void watch_for_interrupts() {
  struct sigaction action{};
  action.sa_handler = [](int) { interrupted = 1; };
  ::sigaction(SIGINT, &action, nullptr);
  sigset_t interrupt;
  ::sigemptyset(&interrupt);
  ::sigaddset(&interrupt, SIGINT);
  ::sigprocmask(SIG_BLOCK, &interrupt, nullptr);  // Connection::next lets it through
}

int exit_code_of(const Error& error) {
  if (error.kind == ErrorKind::kNotFound) return kNotFound;
  if (error.kind == ErrorKind::kTimeout) return kTimedOut;
  if (error.kind == ErrorKind::kInvalid) return kUsage;
  if (error.kind == ErrorKind::kCancelled && interrupted != 0) return kInterrupted;
  return kFailed;
}

int say_error(const Json& head, const CallOptions& options) {
  const Error error = wire::error_from_head(head);
  if (options.json) {
    print_json({{"error", head}});
    return exit_code_of(error);
  }
  const auto traceback = wire::find_string(head, "traceback");
  if (traceback && !traceback->empty()) {
    fmt::print(stderr, "{}{}", *traceback, traceback->ends_with('\n') ? "" : "\n");
  } else {
    print_error(error);
  }
  return exit_code_of(error);
}

int say_error(const Error& error, const CallOptions& options) {
  return say_error(wire::error_to_json(error), options);
}

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

void print_line(std::string_view json) {
  fmt::print("{}\n", json);
  std::fflush(stdout);
}

// The exit code if the frame ends the call.
std::optional<int> take(const CallFrame& frame, const CallOptions& options) {
  switch (frame.type) {
    case FrameType::kLog:
      std::fwrite(frame.body.data(), 1, frame.body.size(), stderr);
      return std::nullopt;
    case FrameType::kYield:
      print_line(frame.body);
      return std::nullopt;
    case FrameType::kError:
      return say_error(frame.head, options);
    case FrameType::kResult:
      break;
    default:
      return std::nullopt;
  }
  if (wire::find_flag(frame.head, "stream", false)) return kOk;
  if (wire::find_flag(frame.head, "self", false)) {
    print_json({{"object", options.name}});
  } else {
    print_line(frame.body);
  }
  return kOk;
}

int follow(Connection& node, std::uint32_t stream, const CallOptions& options) {
  int items = 0;
  bool cancelled = false;
  while (true) {
    if (interrupted != 0 && !cancelled) {
      cancelled = true;
      if (Status sent = node.cancel(stream); !sent) return say_error(sent.error(), options);
    }
    const Result<std::optional<CallFrame>> frame = node.next(stream);
    if (!frame) return say_error(frame.error(), options);
    if (!*frame) continue;
    if (const std::optional<int> code = take(**frame, options)) {
      return cancelled ? kInterrupted : *code;
    }
    if ((*frame)->type == FrameType::kYield && ++items == kGrantedAtOnce) {
      items = 0;
      if (Status sent = node.credit(stream, kGrantedAtOnce); !sent) {
        return say_error(sent.error(), options);
      }
    }
  }
}

int make_call(Connection& node, const CallOptions& options, const Json& words) {
  Result<Json> head = find_target(node, options.name);
  if (!head) return say_error(head.error(), options);
  head->update(words);
  watch_for_interrupts();
  const std::string body =
      fmt::format(R"({{"args":{},"kwargs":{}}})", options.args, options.kwargs);
  const Result<std::uint32_t> stream = node.call(*head, body);
  if (!stream) return say_error(stream.error(), options);
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
  if (!wrong.empty()) return say_error(Error{ErrorKind::kInvalid, wrong}, options);
  auto make = [&](Connection& node) { return make_call(node, options, words); };
  return with_node(options.json ? Format::kJson : Format::kText, NoNode::kError, make);
}

}  // namespace

void add_call(CLI::App& app) {
  CLI::App* command = app.add_subcommand("call", "Call a service, or a method of an object");
  command->footer(
      "Examples:\n"
      "  leanto call demo.add --args '[1, 2]'\n"
      "  leanto call trainer step --kwargs '{\"lr\": 0.1}' --timeout 30s | jq .loss\n\n"
      "What it returns comes to stdout as JSON, a generator's items each on a line of its own;\n"
      "what it prints comes to stderr, and so does what goes wrong. Ctrl-C cancels it.");
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
  command->add_flag("--json", options->json, "What goes wrong comes to stdout, too, as JSON");
  on_run(*command, [options] { return call(*options); });
}

}  // namespace leanto::cli
