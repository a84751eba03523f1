// `leanto top`: what goes on at this machine's node, and again each second.
#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <thread>

#include "cli/command.h"
#include "cli/full_screen.h"
#include "cli/node_questions.h"
#include "cli/report.h"
#include "cli/report_node.h"
#include "cli/table_text.h"
#include "cli/top_report.h"
#include "os/xdg.h"

namespace leanto::cli {

namespace {

using std::chrono::milliseconds;
using wire::Json;

constexpr milliseconds kRefresh{1000};
constexpr milliseconds kFirstLook{300};  // two looks at the processor times make the first percents
constexpr Duration kAnswerLimit = std::chrono::seconds(5);

struct TopOptions {
  bool once = false;
  bool json = false;
};

std::optional<Machine> look_at_machine() {
  const SystemKernelFiles files;
  const Result<Machine> machine = read_machine(files, detect_cgroups(files), usable_cpus());
  return machine ? std::optional(*machine) : std::nullopt;
}

Result<Json> look(Connection& node, CpuMeter& meter) {
  Result<Json> status = ask_for_status(node);
  if (!status) return status;
  return meter.measure(*std::move(status));
}

void print(Json status, const TopOptions& options) {
  if (options.json) {
    status["running"] = true;
    print_json(status);
    std::fflush(stdout);
    return;
  }
  Screen screen = screen_of(STDOUT_FILENO);
  screen.height = 1000;  // it scrolls
  fmt::print("{}", top_report(status, look_at_machine(), screen));
}

// Without a screen of its own.
int print_looks(Connection& node, const TopOptions& options) {
  CpuMeter meter;
  milliseconds pause = kFirstLook;
  for (bool first = true;; first = false) {
    const Result<Json> status = look(node, meter);
    if (!status) return print_error(status.error());
    if (!first) print(*status, options);
    if (!first && options.once) return kOk;
    std::this_thread::sleep_for(pause);
    if (!first) pause = kRefresh;
  }
}

// A node that ends may come back: it is waited for, but never started.
class Watched {
 public:
  explicit Watched(std::string socket) : socket_(std::move(socket)) {}

  // What to show.
  std::string look(const Screen& screen) {
    if (!node_) {
      Result<Connection> connection = Connection::open(socket_, kAnswerLimit);
      if (!connection) return gone(connection.error(), screen);
      node_.emplace(*std::move(connection));
      meter_ = CpuMeter();
    }
    const auto now = std::chrono::steady_clock::now();
    if (!last_.is_null() && now - looked_at_ < kFirstLook / 2)  // the window is being resized
      return top_report(last_, look_at_machine(), screen);
    const Result<Json> status = cli::look(*node_, meter_);
    if (status) {
      last_ = *status;
      looked_at_ = now;
      return top_report(last_, look_at_machine(), screen);
    }
    node_.reset();
    last_ = Json();
    return gone(status.error(), screen);
  }

 private:
  static std::string gone(const Error& error, const Screen& screen) {
    const std::string why = error.kind == ErrorKind::kNotFound
                                ? "no node is running here (it starts on first use); q quits"
                                : error.message;
    return cut_text(printable(why), screen.width, CutAt::kEnd) + "\n";
  }

  const std::string socket_;
  std::optional<Connection> node_;
  CpuMeter meter_;
  Json last_;
  std::chrono::steady_clock::time_point looked_at_{};
};

int show_live(const std::string& socket) {
  Watched node(socket);
  FullScreen terminal;
  milliseconds pause = kFirstLook;
  while (true) {
    terminal.show(node.look(screen_of(STDOUT_FILENO)));
    switch (terminal.wait(pause)) {
      case KeyOrSignal::kQuit:
        return kOk;
      case KeyOrSignal::kSignal:
        return 128 + terminal.signal();
      case KeyOrSignal::kStop:
        terminal.stop();
        break;
      case KeyOrSignal::kResize:
        break;
      case KeyOrSignal::kNothing:
        pause = kRefresh;
    }
  }
}

int top(TopOptions options) {
  const bool live =
      !options.once && !options.json && ::isatty(STDIN_FILENO) == 1 && ::isatty(STDOUT_FILENO) == 1;
  if (!options.json && !live) options.once = true;
  const Format format = options.json ? Format::kJson : Format::kText;
  const Result<Directories> directories = find_directories(find_environment_variable);
  auto watch = [&](Connection& node) {
    return live ? show_live(directories->socket().string()) : print_looks(node, options);
  };
  return with_node(format, NoNode::kError, watch, kAnswerLimit);
}

}  // namespace

void add_top(CLI::App& app) {
  CLI::App* command = app.add_subcommand("top", "Watch services, workers and calls as they run");
  command->footer(
      "Examples:\n"
      "  leanto top                    # q or Ctrl-C leaves\n"
      "  leanto top --once             # what it's like now\n"
      "  leanto top --json | jq .calls # one line a second\n\n"
      "CPU is of one processor, of a worker without its child processes. Where the output is no\n"
      "terminal, it's printed once.");
  const auto options = std::make_shared<TopOptions>();
  command->add_flag("--once", options->once, "Print it once");
  command->add_flag("--json", options->json, "Print JSON, one line each second");
  on_run(*command, [options] { return top(*options); });
}

}  // namespace leanto::cli
