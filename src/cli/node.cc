// `leanto node`: the daemon itself. Programs start it on first use with --detach; people rarely do.
#include "node/node.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <memory>
#include <string>

#include "cli/command.h"
#include "cli/report.h"
#include "os/failpoint.h"

namespace leanto::cli {

namespace {

constexpr int kStartLimitMs = 15'000;

struct StartOptions {
  std::string listen;       // instead of what node.toml says; empty: that
  std::string warm_python;  // as in NodeSettings
};

// The system's, which tests may shift as somebody sets the clock on the wall.
class DaemonClock final : public Clock {
 public:
  WallTime wall() const override {
    const auto seconds = LEANTO_FAILPOINT_SWITCH("clock.wall", "shift");
    return std::chrono::system_clock::now() + std::chrono::seconds(seconds.value_or(0));
  }
  MonotonicTime monotonic() const override { return std::chrono::steady_clock::now(); }
};

Result<node::NodeSettings> find_settings(const StartOptions& options) {
  Result<Directories> directories = find_directories(find_environment_variable);
  if (!directories) return Failure(directories.error());
  Result<NodeConfig> config = load_node_config(directories->node_config());
  if (!config) return Failure(config.error());
  if (!options.listen.empty()) {
    const Result<TcpAddress> address = parse_tcp_address(options.listen);
    if (!address) return Failure(address.error());
    config->http.listen = *address;
  }
  return node::NodeSettings{*std::move(directories), *std::move(config), kVersion,
                            options.warm_python};
}

Status serve(const StartOptions& options, const std::function<void()>& on_ready) {
  // A write to the pipe of a worker that has just died is an error to handle, not the end of the
  // daemon.
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGXFSZ, SIG_IGN);  // so is one beyond `ulimit -f`
  const DaemonClock clock;
  Result<node::NodeSettings> settings = find_settings(options);
  if (!settings) return Failure(settings.error());
  Result<std::unique_ptr<node::Node>> daemon = node::Node::open(*std::move(settings), clock);
  if (!daemon) return Failure(daemon.error());
  return (*daemon)->run(on_ready);
}

// The daemon stays when the terminal or the program that started it goes away.
void leave_the_terminal(const std::filesystem::path& log) {
  ::setsid();
  // A program that ignores Ctrl-C, or was started in the background by a shell, hands that on.
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) ::signal(signal, SIG_DFL);
  if (::chdir("/") != 0) ::perror("leanto node: chdir");
  const int null = ::open("/dev/null", O_RDWR);
  const int file = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  ::dup2(null, 0);
  ::dup2(file < 0 ? null : file, 1);
  ::dup2(file < 0 ? null : file, 2);
  if (null > 2) ::close(null);
  if (file > 2) ::close(file);
}

[[noreturn]] void be_the_daemon(const StartOptions& options, int report) {
  const Result<Directories> directories = find_directories(find_environment_variable);
  if (directories && create_directories(*directories))
    leave_the_terminal(directories->state / "node.log");
  auto ready = [report] {
    (void)!::write(report, "ready", 5);
    ::close(report);
  };
  const Status status = serve(options, ready);
  if (!status) {
    const std::string& message = status.error().message;
    (void)!::write(report, message.data(), message.size());
    fmt::print(stderr, "leanto node: {}\n", message);
  }
  ::_exit(status ? kOk : kFailed);
}

// Waits until the daemon says that it listens, or why it doesn't.
int wait_for_daemon(int report) {
  std::string said;
  pollfd readable{report, POLLIN, 0};
  while (::poll(&readable, 1, kStartLimitMs) > 0) {
    std::array<char, 4096> buffer;
    const ssize_t size = ::read(report, buffer.data(), buffer.size());
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) break;
    said.append(buffer.data(), static_cast<std::size_t>(size));
    if (said == "ready") return kOk;
  }
  if (said.find("runs on") != std::string::npos)
    return kOk;  // somebody else was faster: that one serves as well
  fmt::print(stderr, "{}\n",
             said.empty() ? "the node did not start within 15 s; its log says why" : said);
  return kFailed;
}

int start_detached(const StartOptions& options) {
  int report[2];
  if (::pipe2(report, O_CLOEXEC) != 0) {
    ::perror("leanto node: pipe");
    return kFailed;
  }
  const pid_t pid = ::fork();
  if (pid < 0) {
    ::perror("leanto node: fork");
    return kFailed;
  }
  if (pid == 0) {
    ::close(report[0]);
    be_the_daemon(options, report[1]);
  }
  ::close(report[1]);
  return wait_for_daemon(report[0]);
}

int say_started(Format format) {
  if (format == Format::kText) return kOk;
  const Result<Directories> directories = find_directories(find_environment_variable);
  if (directories) print_json({{"running", true}, {"socket", directories->socket().string()}});
  std::fflush(stdout);
  return kOk;
}

int start_in_background(const StartOptions& options, Format format) {
  const int code = start_detached(options);
  return code == kOk ? say_started(format) : code;
}

int serve_here(const StartOptions& options, Format format) {
  auto ready = [format] {
    fmt::print(stderr, "leanto node: ready\n");
    (void)say_started(format);
  };
  const Status status = serve(options, ready);
  if (!status) fmt::print(stderr, "leanto node: {}\n", status.error().message);
  return status ? kOk : kFailed;
}

}  // namespace

void add_node(CLI::App& app) {
  CLI::App* command =
      app.add_subcommand("node", "Run the daemon of this machine (programs start it on first use)");
  const auto detach = std::make_shared<bool>(false);
  command->add_flag("--detach", *detach, "Go into the background and return when it listens");
  const auto options = std::make_shared<StartOptions>();
  command
      ->add_option(
          "--listen", options->listen,
          "Serve there, too, who has a token: HTTP on 127.0.0.1:8080, or, for other machines, "
          "TLS on 0.0.0.0:7433")
      ->type_name("ADDRESS");
  command->add_option(
      "--warm", options->warm_python,
      "A Python interpreter to start at once, because a program is about to use it");
  CLI::Option* json = add_json_flag(*command);
  on_run(*command, [detach, options, json] {
    const Format format = format_of(json);
    return *detach ? start_in_background(*options, format) : serve_here(*options, format);
  });
}

}  // namespace leanto::cli
