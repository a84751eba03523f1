#include "cli/full_screen.h"

#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>

namespace leanto::cli {

namespace {

constexpr std::string_view kEnter = "\x1b[?1049h\x1b[?25l\x1b[?7l";  // screen, cursor, no wrapping
constexpr std::string_view kLeave = "\x1b[?7h\x1b[?25h\x1b[?1049l";
constexpr std::array<int, 6> kSignals{SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGWINCH};

volatile sig_atomic_t came = 0;  // the last signal

void note(int signal) {
  // A resize must not hide that the command shall end.
  if (signal != SIGWINCH || came == 0) came = signal;
}

void write_out(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(STDOUT_FILENO, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;  // the terminal is gone; SIGHUP says so
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

void handle(void (*handler)(int)) {
  struct sigaction action{};
  action.sa_handler = handler;
  for (const int signal : kSignals) ::sigaction(signal, &action, nullptr);
}

}  // namespace

// The signals are blocked except in `wait`: so none comes while the terminal is written to.
FullScreen::FullScreen() {
  sigset_t ours;
  ::sigemptyset(&ours);
  for (const int signal : kSignals) ::sigaddset(&ours, signal);
  ::sigprocmask(SIG_BLOCK, &ours, &outside_);
  handle(note);
  enter();
}

FullScreen::~FullScreen() {
  leave();
  handle(SIG_DFL);
  came = 0;
  ::sigprocmask(SIG_SETMASK, &outside_, nullptr);
}

void FullScreen::enter() {
  termios now{};
  if (::tcgetattr(STDIN_FILENO, &now) == 0) {
    before_ = now;
    now.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
    now.c_cc[VMIN] = 0;
    now.c_cc[VTIME] = 0;
    ::tcsetattr(STDIN_FILENO, TCSADRAIN, &now);
  }
  write_out(kEnter);
}

void FullScreen::leave() {
  write_out(kLeave);
  if (before_) ::tcsetattr(STDIN_FILENO, TCSADRAIN, &*before_);
  before_.reset();
}

void FullScreen::show(std::string_view text) {
  std::string out = "\x1b[H";
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    out += text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    out += "\x1b[K";
    if (!text.empty()) out += "\n";
  }
  write_out(out + "\x1b[J");
}

KeyOrSignal FullScreen::read_key() {
  std::array<char, 64> keys;
  const ssize_t size = ::read(STDIN_FILENO, keys.data(), keys.size());
  if (size <= 0) return KeyOrSignal::kQuit;  // nobody is there any more
  const std::string_view pressed(keys.data(), static_cast<std::size_t>(size));
  if (pressed == "q" || pressed == "Q" || pressed == "\x04") return KeyOrSignal::kQuit;
  return KeyOrSignal::kResize;  // any other key draws it anew
}

KeyOrSignal FullScreen::wait(std::chrono::milliseconds limit) {
  const timespec time{limit.count() / 1000, limit.count() % 1000 * 1'000'000};
  pollfd keyboard{STDIN_FILENO, POLLIN, 0};
  sigset_t inside = outside_;
  for (const int signal : kSignals) ::sigdelset(&inside, signal);
  const int ready = ::ppoll(&keyboard, 1, &time, &inside);
  signal_ = came;
  came = 0;
  if (signal_ == SIGWINCH) return KeyOrSignal::kResize;
  if (signal_ == SIGTSTP) return KeyOrSignal::kStop;
  if (signal_ != 0) return KeyOrSignal::kSignal;
  return ready > 0 ? read_key() : KeyOrSignal::kNothing;
}

void FullScreen::stop() {
  leave();
  ::raise(SIGSTOP);
  enter();
}

}  // namespace leanto::cli
