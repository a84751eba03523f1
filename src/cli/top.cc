// `leanto top`: what goes on at this machine's node and at those that it's connected with, and
// again each second.
#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <thread>

#include "base/usable_cpus.h"
#include "cli/command.h"
#include "cli/full_screen.h"
#include "cli/report.h"
#include "cli/report_node.h"
#include "cli/top_nodes.h"
#include "cli/top_report.h"
#include "os/xdg.h"

namespace leanto::cli {

namespace {

using std::chrono::milliseconds;
using wire::Json;

constexpr milliseconds kRefresh{1000};
constexpr milliseconds kFirstLook{300};  // two looks at the processor times make the first percents

struct TopOptions {
  bool once = false;
  bool json = false;
};

std::optional<Machine> look_at_machine() {
  const SystemKernelFiles files;
  const Result<Machine> machine = read_machine(files, detect_cgroups(files), usable_cpus());
  return machine ? std::optional(*machine) : std::nullopt;
}

void print(const std::vector<NodeLook>& looks, const TopOptions& options) {
  if (options.json) {
    Json status = looks.front().status;
    status["running"] = true;
    status["nodes"] = Json::array();
    for (auto each = looks.begin() + 1; each != looks.end(); ++each) {
      Json node = each->gone.empty() ? each->status : Json{{"error", each->gone}};
      node["name"] = each->name;
      status["nodes"].push_back(std::move(node));
    }
    print_json(status);
    std::fflush(stdout);
    return;
  }
  Screen screen = screen_of(STDOUT_FILENO);
  screen.height = 1000;  // it scrolls
  fmt::print("{}", top_report(looks, look_at_machine(), screen));
}

// Without a screen of its own. The node here has to be there.
int print_looks(const std::string& socket, const TopOptions& options) {
  WatchedNodes nodes(socket);
  milliseconds pause = kFirstLook;
  for (bool first = true;; first = false) {
    const std::vector<NodeLook> looks = nodes.look();
    if (!looks.front().gone.empty()) {
      print_error(looks.front().gone);
      return kFailed;
    }
    if (!first) print(looks, options);
    if (!first && options.once) return kOk;
    std::this_thread::sleep_for(pause);
    if (!first) pause = kRefresh;
  }
}

// What was seen last, if that was just now: the window is being resized.
class Watched {
 public:
  explicit Watched(std::string socket) : nodes_(std::move(socket)) {}

  std::string look(const Screen& screen) {
    const auto now = std::chrono::steady_clock::now();
    if (last_.empty() || now - looked_at_ >= kFirstLook / 2) {
      last_ = nodes_.look();
      looked_at_ = now;
    }
    return top_report(last_, look_at_machine(), screen);
  }

 private:
  WatchedNodes nodes_;
  std::vector<NodeLook> last_;
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
  auto watch = [&](Connection&) {
    const std::string socket = directories->socket().string();
    return live ? show_live(socket) : print_looks(socket, options);
  };
  return with_node(format, NoNode::kError, watch);
}

}  // namespace

void add_top(CLI::App& app) {
  CLI::App* command = app.add_subcommand("top", "Watch services, workers and calls as they run");
  command->footer(
      "Examples:\n"
      "  leanto top                    # q or Ctrl-C leaves\n"
      "  leanto top --on box           # of another machine only\n"
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
