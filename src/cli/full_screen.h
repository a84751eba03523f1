// A terminal that a command has to itself, as top(1) has it: its second screen, no cursor, keys
// without Return. Whatever ends the command, the terminal is left as it was: signals that would end
// or stop it are noted, and said by `wait`.
#pragma once

#include <signal.h>
#include <termios.h>

#include <chrono>
#include <optional>
#include <string_view>

namespace leanto::cli {

enum class KeyOrSignal { kNothing, kQuit, kResize, kStop, kSignal };

class FullScreen {
 public:
  // stdin and stdout are a terminal.
  FullScreen();
  ~FullScreen();
  FullScreen(const FullScreen&) = delete;
  FullScreen& operator=(const FullScreen&) = delete;

  // Shows the lines of `text` in place of what was there.
  void show(std::string_view text);

  // Until a key or a signal comes, or the time is over. kQuit: q or Ctrl-D; kStop: Ctrl-Z, which
  // the caller obeys by `stop`; kSignal: `signal` says which.
  KeyOrSignal wait(std::chrono::milliseconds limit);
  int signal() const { return signal_; }

  // Gives the terminal back, stops the process, and takes it again when that goes on.
  void stop();

 private:
  void enter();
  void leave();
  KeyOrSignal read_key();

  std::optional<termios> before_;
  sigset_t outside_;  // the signals that were blocked before
  int signal_ = 0;
};

}  // namespace leanto::cli
