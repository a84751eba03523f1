#include "node/zygote.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>

#include "os/fd_passing.h"

namespace leanto::node {

using namespace std::chrono_literals;
using wire::Json;

namespace {

constexpr Duration kForkLimit = 2min;  // it may be importing something large just now
constexpr Duration kPreloadLimit = 10min;
constexpr std::size_t kMessageSize = 256 << 10;

Result<std::pair<UniqueFd, UniqueFd>> make_pair(int type) {
  int ends[2];
  if (::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends) != 0) {
    return fail_errno(ErrorKind::kInternal, errno, "making a socket pair for a worker");
  }
  return std::pair(UniqueFd(ends[0]), UniqueFd(ends[1]));
}

Result<std::pair<UniqueFd, UniqueFd>> make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    return fail_errno(ErrorKind::kInternal, errno, "making a pipe for a worker");
  }
  return std::pair(UniqueFd(ends[0]), UniqueFd(ends[1]));
}

struct WorkerEnds {
  WorkerChannels node;
  std::vector<UniqueFd> worker;  // in the order that python/leanto/worker/serve.py takes them
};

Result<WorkerEnds> make_channels() {
  auto main = make_pair(SOCK_STREAM);
  auto side = make_pair(SOCK_STREAM);
  auto pass = make_pipe();
  auto out = make_pipe();
  auto err = make_pipe();
  for (const auto* made : {&main, &side, &pass, &out, &err}) {
    if (!*made) return Failure(made->error());
  }
  WorkerEnds ends;
  wire::OutputNonce& nonce = ends.node.nonce;
  if (::getrandom(nonce.data(), nonce.size(), 0) != static_cast<ssize_t>(nonce.size())) {
    return fail_errno(ErrorKind::kInternal, errno, "drawing a nonce");
  }
  nonce.front() = static_cast<char>(0xF9);  // no text holds this byte, so it's found faster
  ends.node.main = std::move(main->first);
  ends.node.side = std::move(side->first);
  ends.node.out = std::move(out->first);
  ends.node.err = std::move(err->first);
  ends.node.pass = UniqueFd(::fcntl(pass->second.get(), F_DUPFD_CLOEXEC, 0));
  for (const int end : {ends.node.side.get(), ends.node.pass.get()})
    ::fcntl(end, F_SETFL, O_NONBLOCK);
  ends.worker.push_back(std::move(main->second));
  ends.worker.push_back(std::move(side->second));
  ends.worker.push_back(std::move(pass->first));
  ends.worker.push_back(std::move(pass->second));
  ends.worker.push_back(std::move(out->second));
  ends.worker.push_back(std::move(err->second));
  // For the next daemon, if this one is killed; also, what is written meanwhile has a reader.
  for (const int end : {ends.node.out.get(), ends.node.err.get()})
    ends.worker.emplace_back(::fcntl(end, F_DUPFD_CLOEXEC, 0));
  return ends;
}

ExitStatus to_exit_status(int status) {
  if (WIFSIGNALED(status)) return {std::nullopt, WTERMSIG(status)};
  return {WEXITSTATUS(status), std::nullopt};
}

}  // namespace

std::string ZygoteKey::text() const {
  return env.empty()
             ? python
             : python + " " + Json(env).dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<std::shared_ptr<Zygote>> Zygote::start(net::Loop& loop, const ZygoteKey& key,
                                              const Places& places, UniqueFd log) {
  auto control = make_pair(SOCK_SEQPACKET);
  if (!control) return Failure(control.error());
  SpawnOptions options;
  options.arguments = {
      key.python, "-c",
      "import sys; sys.path[0] = sys.argv[1]; from leanto.worker import zygote; zygote.run()",
      places.package, places.lifeline};
  options.environment = environment_for_python(key.env);
  options.working_directory = "/";
  options.fds = {{log.get(), 1}, {log.get(), 2}, {control->second.get(), 3}};
  options.orphans = Orphans::kToChild;
  Result<Child> child = spawn(options);
  if (!child) {
    return fail(ErrorKind::kImage,
                "the interpreter {} cannot be started here: {}; put it back, or send the code from "
                "another one with .to()",
                key.python, child.error().message);
  }
  return std::make_shared<Zygote>(loop, *std::move(child), std::move(control->first));
}

Zygote::Zygote(net::Loop& loop, Child child, UniqueFd control)
    : loop_(loop),
      child_(std::move(child)),
      control_(std::make_unique<net::Readable>(loop, control.release(),
                                               [this] { return read_messages(); })) {}

net::Task<Result<Zygote::Forked>> Zygote::fork_worker() {
  const std::shared_ptr<Zygote> self = shared_from_this();
  Result<WorkerEnds> ends = make_channels();
  if (!ends) co_return Failure(ends.error());
  const std::uint32_t id = ++next_fork_;
  const auto waiting = std::make_shared<Fork>(loop_);
  forks_[id] = waiting;
  std::vector<int> descriptors;
  for (const UniqueFd& end : ends->worker) descriptors.push_back(end.get());
  const std::vector<std::uint8_t> nonce(ends->node.nonce.begin(), ends->node.nonce.end());
  const Json message = {{"op", "fork"}, {"id", id}, {"nonce", Json::binary(nonce)}};
  const Status sent = send(message, descriptors);
  if (sent) co_await waiting->done.wait(kForkLimit);
  forks_.erase(id);
  if (!sent && sent.error().kind == ErrorKind::kCapacity) co_return Failure(sent.error());
  if (waiting->pid == 0) {
    co_return fail(ErrorKind::kWorkerDied, "no worker could be forked: the interpreter {}",
                   sent && alive_ ? "doesn't answer" : "ended; `leanto logs --node` shows why");
  }
  co_return Forked{waiting->pid, std::move(ends->node)};
}

void Zygote::watch(std::shared_ptr<Worker> worker) {
  const pid_t pid = worker->pid();
  if (const auto early = early_exits_.find(pid); early != early_exits_.end()) {
    worker->on_exit(early->second);
    early_exits_.erase(early);
  } else if (!alive_) {
    worker->on_exit({std::nullopt, SIGKILL});
  } else {
    workers_[pid] = std::move(worker);
  }
}

net::Task<Result<Preloaded>> Zygote::preload(const std::vector<std::string>& modules) {
  const std::shared_ptr<Zygote> self = shared_from_this();
  preload_done_ = std::make_shared<net::Event>(loop_);
  const std::shared_ptr<net::Event> done = preload_done_;
  const Json message = {{"op", "preload"}, {"modules", modules}};
  if (const Status sent = send(message, {}); !sent) co_return Failure(sent.error());
  if (co_await done->wait(kPreloadLimit) == net::Waited::kTimedOut || !alive_) {
    co_return fail(ErrorKind::kInternal, "importing modules ahead did not end well");
  }
  co_return preloaded_;
}

Status Zygote::send(const Json& message, std::span<const int> descriptors) {
  if (!alive_) return fail(ErrorKind::kWorkerDied, "the interpreter has ended");
  const Result<std::size_t> sent =
      send_fds(control_->descriptor(), wire::encode_head(message), descriptors);
  if (!sent) return Failure(sent.error());
  if (*sent == 0) return fail(ErrorKind::kCapacity, "the interpreter is busy");
  return {};
}

net::Readable::Next Zygote::read_messages() {
  const std::shared_ptr<Zygote> self = shared_from_this();
  static thread_local std::array<char, kMessageSize> buffer;
  while (alive_) {
    const ssize_t size = ::recv(control_->descriptor(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return net::Readable::Next::kGoOn;
    if (size <= 0) {
      on_end();
      break;
    }
    const auto message = wire::decode_head({buffer.data(), static_cast<std::size_t>(size)});
    if (message) on_message(*message);
  }
  return net::Readable::Next::kStop;
}

void Zygote::on_message(const Json& message) {
  const std::string op = wire::find_string(message, "op").value_or("");
  if (op == "forked") {
    const auto waiting = forks_.find(message.value("id", 0u));
    if (waiting == forks_.end()) return;
    waiting->second->pid = message.value("pid", 0);
    waiting->second->done.set();
  } else if (op == "exited") {
    const pid_t pid = message.value("pid", 0);
    const ExitStatus status = to_exit_status(message.value("status", 0));
    if (const auto worker = workers_.find(pid); worker != workers_.end()) {
      worker->second->on_exit(status);
      workers_.erase(worker);
    } else {
      early_exits_[pid] = status;
    }
    end_if_unused();
  } else if (op == "warm" && preload_done_) {
    preloaded_ = {};
    preloaded_.tainted = message.value("tainted", false);
    for (const Json& row : message.value("refused", Json::array())) {
      preloaded_.refused.emplace_back(row.at(0).get<std::string>(), row.at(1).get<std::string>());
    }
    preload_done_->set();
  }
}

void Zygote::retire() {
  retired_ = true;
  end_if_unused();
}

void Zygote::end_if_unused() {
  if (retired_ && alive_ && workers_.empty() && forks_.empty()) {
    ::shutdown(control_->descriptor(), SHUT_RDWR);  // it ends, and its end is seen here
  }
}

// It ended by itself, or was killed: what was forked from it has lost the one who reports its end.
void Zygote::on_end() {
  alive_ = false;
  for (const auto& [id, waiting] : forks_) waiting->done.set();
  if (preload_done_) preload_done_->set();
  const auto orphans = std::exchange(workers_, {});
  for (const auto& [pid, worker] : orphans) {
    worker->kill();
    worker->on_exit({std::nullopt, SIGKILL});
  }
  (void)try_wait(child_.pid);
}

}  // namespace leanto::node
