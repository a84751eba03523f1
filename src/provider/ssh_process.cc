#include "provider/ssh_process.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "os/unix_socket.h"

namespace leanto {
namespace {

// Of stderr the beginning and the end are kept: causes come first, or last.
constexpr std::size_t kKept = 16 * 1024;

void keep(std::string& said, std::string_view more) {
  said += more;
  if (said.size() > kKept) said.erase(kKept / 2, said.size() - kKept);
}

Failure not_started(const SshHost& host, const Error& error) {
  if (error.kind != ErrorKind::kNotFound) return Failure(error);
  return fail(ErrorKind::kNodeLost,
              "the host {} can't be reached: {}. Install an OpenSSH client here, or name yours in "
              "node.toml",
              describe(host), error.message);
}

}  // namespace

Result<SshProcess::Started> SshProcess::start(net::Loop& loop, const SshHost& host,
                                              std::string_view remote_command, Duration connect) {
  auto ends = socket_pair();
  if (!ends) return Failure(ends.error());
  std::array<int, 2> pipe;
  if (::pipe2(pipe.data(), O_CLOEXEC) != 0) {
    return fail_errno(ErrorKind::kCapacity, errno, "make a pipe");
  }
  UniqueFd errors(pipe[0]);
  const UniqueFd said(pipe[1]);
  SpawnOptions options;
  options.arguments = ssh_command_line(host, remote_command, connect);
  options.environment = ssh_environment(host);
  options.fds = {{ends->second.get(), 0}, {ends->second.get(), 1}, {said.get(), 2}};
  options.on_parent_death = OnParentDeath::kKill;
  Result<Child> child = spawn(options);
  if (!child) return not_started(host, child.error());
  return Started{
      std::unique_ptr<SshProcess>(new SshProcess(loop, *std::move(child), std::move(errors))),
      std::move(ends->first)};
}

SshProcess::SshProcess(net::Loop& loop, Child child, UniqueFd errors)
    : child_(std::move(child)),
      ended_(loop),
      errors_(loop, errors.release(), [this] { return read_errors(); }),
      exit_(loop, child_.pidfd.release(), [this] { return reap(); }) {}

SshProcess::~SshProcess() {
  if (status_) return;
  (void)kill_group(child_.pid, SIGKILL);
  (void)wait_until_exit(child_.pid);
}

net::Readable::Next SshProcess::read_errors() {
  std::array<char, 4096> buffer;
  while (true) {
    const ssize_t size = ::read(errors_.descriptor(), buffer.data(), buffer.size());
    if (size > 0) {
      keep(said_, {buffer.data(), static_cast<std::size_t>(size)});
    } else if (size == 0) {
      return net::Readable::Next::kStop;
    } else if (errno != EINTR) {
      return errno == EAGAIN ? net::Readable::Next::kGoOn : net::Readable::Next::kStop;
    }
  }
}

net::Readable::Next SshProcess::reap() {
  const Result<std::optional<ExitStatus>> status = try_wait(child_.pid);
  if (status && !*status) return net::Readable::Next::kGoOn;
  status_ = status ? **status : ExitStatus{};
  (void)read_errors();  // what it said last is in the pipe
  ended_.set();
  return net::Readable::Next::kStop;
}

net::Task<SshEnd> SshProcess::end(Duration grace) {
  if (co_await ended_.wait(grace) == net::Waited::kTimedOut) {
    (void)kill_group(child_.pid, SIGKILL);
    co_await ended_.wait();
  }
  SshEnd end{status_.value_or(ExitStatus{}), said_};
  co_return end;
}

}  // namespace leanto
