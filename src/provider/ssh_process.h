// A running ssh: its standard streams as one socket, what it says to stderr, and its end.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "net/event.h"
#include "net/loop.h"
#include "net/readable.h"
#include "os/process.h"
#include "provider/ssh_errors.h"
#include "provider/ssh_host.h"

namespace leanto {

class SshProcess {
 public:
  struct Started;

  // To be called on the loop's thread, whose end is the end of the process.
  static Result<Started> start(net::Loop& loop, const SshHost& host,
                               std::string_view remote_command, Duration connect);

  // Kills what still runs, with what it started (a ProxyCommand), and reaps it.
  ~SshProcess();
  SshProcess(const SshProcess&) = delete;
  SshProcess& operator=(const SshProcess&) = delete;

  pid_t pid() const { return child_.pid; }
  bool has_ended() const { return status_.has_value(); }

  // Waits for the end, and kills it after `grace`: close the socket first. How it ended, and what
  // it said. May be asked again.
  net::Task<SshEnd> end(Duration grace);

 private:
  SshProcess(net::Loop& loop, Child child, UniqueFd errors);
  net::Readable::Next read_errors();
  net::Readable::Next reap();

  Child child_;
  std::optional<ExitStatus> status_;
  net::Event ended_;
  std::string said_;  // to stderr; bounded
  net::Readable errors_;
  net::Readable exit_;
};

struct SshProcess::Started {
  std::unique_ptr<SshProcess> ssh;
  UniqueFd socket;  // ssh's standard input and output
};

}  // namespace leanto
