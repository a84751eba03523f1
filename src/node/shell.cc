#include "node/shell.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <utility>

#include "base/duration.h"
#include "net/readable.h"

namespace leanto::node {

namespace {

constexpr Duration kLookInterval = std::chrono::seconds(1);

struct Pipe {
  UniqueFd read_end;
  UniqueFd write_end;
};

Result<Pipe> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0)
    return fail_errno(ErrorKind::kCapacity, errno, "making a pipe for a command");
  ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
  return Pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

// Hands on what can be read without waiting; kStop at the end of the pipe.
net::Readable::Next read_all(int fd, OutputStream stream, const CommandOutput& on_output) {
  std::array<char, 64 << 10> buffer;
  while (true) {
    const ssize_t size = ::read(fd, buffer.data(), buffer.size());
    if (size > 0) {
      on_output(stream, {buffer.data(), static_cast<std::size_t>(size)});
    } else if (size == 0) {
      return net::Readable::Next::kStop;
    } else if (errno != EINTR) {
      return net::Readable::Next::kGoOn;
    }
  }
}

}  // namespace

net::Task<Result<ExitStatus>> run_command(net::Loop& loop, std::vector<std::string> words,
                                          Duration limit, std::function<bool()> wanted,
                                          CommandOutput on_output) {
  Result<Pipe> out = make_pipe();
  Result<Pipe> err = make_pipe();
  if (!out) co_return Failure(out.error());
  if (!err) co_return Failure(err.error());
  SpawnOptions options;
  options.arguments = std::move(words);
  const char* const home = std::getenv("HOME");
  options.working_directory = home != nullptr ? home : "/";
  options.fds = {{out->write_end.get(), 1}, {err->write_end.get(), 2}};
  const Result<Child> child = spawn(options);
  if (!child) co_return Failure(child.error());
  out->write_end.reset();
  err->write_end.reset();
  const int out_fd = out->read_end.get();
  const int err_fd = err->read_end.get();
  auto read_out = [out_fd, &on_output] {
    return read_all(out_fd, OutputStream::kStdout, on_output);
  };
  auto read_err = [err_fd, &on_output] {
    return read_all(err_fd, OutputStream::kStderr, on_output);
  };
  net::Event ended(loop);
  auto on_exit = [&ended] {
    ended.set();
    return net::Readable::Next::kStop;
  };
  const net::Readable exit(loop, ::fcntl(child->pidfd.get(), F_DUPFD_CLOEXEC, 0), on_exit);
  const net::Readable out_readable(loop, out->read_end.release(), read_out);
  const net::Readable err_readable(loop, err->read_end.release(), read_err);
  Duration waited{};
  bool is_wanted = true;
  while (!ended.is_set() && waited < limit && is_wanted) {
    (void)co_await ended.wait(std::min(kLookInterval, limit - waited));
    waited += kLookInterval;
    is_wanted = wanted();
  }
  const bool ended_itself = ended.is_set();
  // Before it's reaped, so that its number can't be somebody else's.
  (void)kill_group(child->pid, SIGKILL);
  if (!ended_itself) co_await ended.wait();
  (void)read_out();
  (void)read_err();
  const Result<std::optional<ExitStatus>> status = try_wait(child->pid);
  if (!status) co_return Failure(status.error());
  if (!ended_itself && is_wanted) {
    co_return fail(ErrorKind::kTimeout, "the command took longer than {} and was ended",
                   format_duration(limit));
  }
  if (!ended_itself)
    co_return fail(ErrorKind::kCancelled, "nobody waited for the command any more");
  co_return status->value_or(ExitStatus{});
}

}  // namespace leanto::node
