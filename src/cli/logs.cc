// `leanto logs`: what a service or a run has written, or the daemon itself.
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <optional>
#include <string>

#include "base/run_id.h"
#include "cli/command.h"
#include "cli/logs_file.h"
#include "cli/logs_print.h"
#include "cli/logs_run.h"
#include "cli/report.h"
#include "cli/report_node.h"
#include "os/xdg.h"

namespace leanto::cli {

namespace {

constexpr int kPollMs = 100;  // the node writes what came every 100 ms

struct LogsOptions {
  std::string name;
  std::optional<std::size_t> lines;
  bool follow = false;
  bool node = false;
  bool timestamps = false;
  bool json = false;

  LogStyle style() const {
    if (node) return LogStyle::kPlain;
    if (json) return LogStyle::kJson;
    return timestamps ? LogStyle::kTimestamps : LogStyle::kText;
  }
};

volatile sig_atomic_t interrupted = 0;

void watch_for_interrupts() {
  struct sigaction action{};
  action.sa_handler = [](int) { interrupted = 1; };
  ::sigaction(SIGINT, &action, nullptr);
}

// False when nobody reads the output any more, as after `| head`.
bool wait_for_more() {
  pollfd output{STDOUT_FILENO, 0, 0};
  return ::poll(&output, 1, kPollMs) <= 0 || (output.revents & (POLLERR | POLLHUP)) == 0;
}

void write_out(wire::OutputStream stream, std::string_view text) {
  // Both may be the same terminal, where their order is seen.
  if (stream == wire::OutputStream::kStderr) std::fflush(stdout);
  std::fwrite(text.data(), 1, text.size(), stream == wire::OutputStream::kStderr ? stderr : stdout);
}

// Prints what there is now; the number of bytes read, or an error.
Result<std::size_t> print_available(GrowingLog& log, LogPrinter& printer, std::size_t skip) {
  std::size_t total = 0;
  while (interrupted == 0) {
    const Result<std::string> lines = log.read();
    if (!lines) return Failure(lines.error());
    if (lines->empty()) break;
    printer.print(*lines, total == 0 ? skip : 0);
    total += lines->size();
  }
  std::fflush(stdout);
  return total;
}

Status follow(GrowingLog& log, LogPrinter& printer, std::size_t skip) {
  while (interrupted == 0 && wait_for_more()) {
    const Result<std::size_t> printed = print_available(log, printer, skip);
    if (!printed) return Failure(printed.error());
    if (*printed > 0) skip = 0;
  }
  return {};
}

void say_what_is_missing(const LogPrinter& printer, bool nothing, const LogsOptions& options,
                         const std::string& file) {
  if (printer.damaged() > 0) {
    print_error(fmt::format("left out of {}: {}", file,
                            counted(static_cast<double>(printer.damaged()), "damaged line")));
  }
  if (!nothing || options.lines == std::size_t{0}) return;
  print_error(options.node ? fmt::format("the node has written nothing to {}", file)
                           : fmt::format("'{}' has written nothing yet", options.name));
}

int print_log(const std::string& file, const LogsOptions& options) {
  const LogStyle style = options.style();
  Result<GrowingLog> log = GrowingLog::open(file, options.lines, text_of_lines(style));
  if (!log) return print_error(log.error());
  LogPrinter printer(style, write_out);
  watch_for_interrupts();
  const Result<std::size_t> printed = print_available(*log, printer, log->skip());
  if (!printed) return print_error(printed.error());
  const std::size_t skip = *printed == 0 ? log->skip() : 0;
  const Status followed = options.follow ? follow(*log, printer, skip) : Status();
  printer.finish();
  std::fflush(stdout);
  if (!followed) return print_error(followed.error());
  if (!options.follow) say_what_is_missing(printer, *printed == 0, options, file);
  return interrupted != 0 ? kInterrupted : kOk;
}

// A key is as good as the id of its run, unless a service has that name.
bool is_key(Connection& node, const std::string& name) {
  return node.ask({{"op", "run_record"}, {"id", name}}).has_value();
}

int find_service_file(const Result<Reply>& reply, std::string& file) {
  if (!reply) return print_error(reply.error());
  const Result<std::string> found = wire::require_string(reply->head, "file");
  if (!found) return print_error("the node did not say where the log is; is it another version?");
  file = *found;
  return kOk;
}

int print_node_log(const LogsOptions& options) {
  const Result<Directories> directories = find_directories(find_environment_variable);
  if (!directories) return print_error(directories.error());
  return print_log((directories->state / "node.log").string(), options);
}

int print_log_of(const LogsOptions& options) {
  std::string file;
  auto find = [&](Connection& node) {
    const RunLogOptions asked{options.name, options.lines, options.follow, options.style()};
    if (is_run_id(options.name)) return print_run_log(node, asked, write_out);
    // Asking also makes the node write out what it holds back.
    const Result<Reply> reply = node.ask({{"op", "logs"}, {"name", options.name}});
    if (reply || reply.error().kind != ErrorKind::kNotFound || !is_key(node, options.name)) {
      return find_service_file(reply, file);
    }
    return print_run_log(node, asked, write_out);
  };
  const int code = with_node(options.json ? Format::kJson : Format::kText, NoNode::kError, find);
  return code == kOk && !file.empty() ? print_log(file, options) : code;
}

// What is wrong with the options, or nullptr.
const char* find_contradiction(const LogsOptions& options) {
  if (options.node && (options.json || options.timestamps || !options.name.empty())) {
    return "--node is a log of plain text: it goes with -f and -n only";
  }
  if (!options.node && options.name.empty()) {
    return "whose log? Name a service (`leanto ls` lists them) or say --node";
  }
  if (options.json && options.timestamps) return "--json has the times already: no --timestamps";
  return nullptr;
}

// CLI11 would read "-3" as a very large number.
std::string check_count(const std::string& text) {
  const bool digits = !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
  return digits && text.size() < 19 ? "" : "how many lines? Not '" + text + "'";
}

int logs(const LogsOptions& options) {
  if (const char* contradiction = find_contradiction(options)) {
    print_error(contradiction);
    return kUsage;
  }
  if (options.node) return print_node_log(options);
  return print_log_of(options);
}

}  // namespace

void add_logs(CLI::App& app) {
  CLI::App* command = app.add_subcommand("logs", "Print what a service or a run has written");
  command->footer(
      "Examples:\n"
      "  leanto logs demo.train -f -n 20    # the last 20 lines, and what comes\n"
      "  leanto logs r01hf3kq2z7vq0e9xw4 -f  # of a run, until it ends\n"
      "  leanto logs --node                 # the daemon's own log");
  const auto options = std::make_shared<LogsOptions>();
  command->add_option("NAME", options->name, "The service, or the id or key of a run")
      ->type_name("");
  command->add_flag("-f,--follow", options->follow, "Go on as it writes, until Ctrl-C");
  CLI::Option* lines = command->add_option("-n,--lines", options->lines, "Only the last N lines");
  lines->type_name("N")->check(check_count);
  command->add_flag("--timestamps", options->timestamps, "Put time and call before each line");
  command->add_flag("--json", options->json, "Print JSON lines: time (ms), call, stream, text");
  command->add_flag("--node", options->node, "The log of the daemon itself");
  on_run(*command, [options] { return logs(*options); });
}

}  // namespace leanto::cli
