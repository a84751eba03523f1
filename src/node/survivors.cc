#include "node/survivors.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <utility>

#include "net/readable.h"
#include "node/accept.h"
#include "os/fd_passing.h"
#include "os/files.h"
#include "os/lock_file.h"
#include "os/peer.h"
#include "os/unix_socket.h"

namespace leanto::node {

using namespace std::chrono_literals;
using wire::Json;

namespace {

constexpr const char* kSocket = "rejoin.sock";
constexpr std::size_t kMaxMessage = 1 << 20;
constexpr std::size_t kWorkerDescriptors = 5;
constexpr Duration kAwaited = 65s;  // a little longer than they look for a node
constexpr Duration kHeldBack = 5s;  // of that, nobody gets slots that they may hold
constexpr Duration kPause = 20ms;
constexpr Duration kIntroduction = 10s;

std::optional<pid_t> parse_pid(std::string_view name) {
  pid_t pid = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
  const bool whole = error == std::errc() && end == name.data() + name.size() && pid > 0;
  return whole ? std::optional(pid) : std::nullopt;
}

// Whether the zygote with the file has ended; then the file is removed.
bool has_ended(const std::string& lifeline, pid_t zygote) {
  const std::string path = lifeline + "/" + std::to_string(zygote);
  if (::access(path.c_str(), F_OK) != 0) return true;
  const Result<LockAttempt> attempt = LockFile::try_take(path);
  if (!attempt || !attempt->lock) return false;
  ::unlink(path.c_str());
  return true;
}

std::optional<wire::OutputNonce> nonce_of(const Json& said) {
  const auto found = said.find("nonce");
  wire::OutputNonce nonce;
  if (found == said.end() || !found->is_binary() || found->get_binary().size() != nonce.size())
    return std::nullopt;
  std::copy(found->get_binary().begin(), found->get_binary().end(), nonce.begin());
  return nonce;
}

WorkerChannels channels_of(std::vector<UniqueFd> descriptors, const wire::OutputNonce& nonce) {
  for (std::size_t i = 1; i < 3; ++i) ::fcntl(descriptors[i].get(), F_SETFL, O_NONBLOCK);
  return {std::move(descriptors[0]), std::move(descriptors[1]), std::move(descriptors[2]),
          std::move(descriptors[3]), std::move(descriptors[4]), nonce};
}

void send_message(int socket, const Json& message) {
  const std::string bytes = wire::encode_head(message);
  (void)::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

Json leave() { return {{"op", "leave"}}; }

}  // namespace

Survivors::Survivors(Parts parts, std::set<pid_t> awaited)
    : parts_(std::move(parts)), awaited_zygotes_(std::move(awaited)) {}

std::set<pid_t> Survivors::find_zygotes(const std::string& lifeline) {
  std::set<pid_t> living;
  const Result<UniqueFd> directory = open_directory_at(AT_FDCWD, lifeline);
  if (!directory) return living;
  const Result<std::vector<DirectoryItem>> items = list_directory(directory->get(), lifeline);
  if (!items) return living;
  for (const DirectoryItem& item : *items) {
    const auto pid = parse_pid(item.name);
    if (pid && !has_ended(lifeline, *pid)) living.insert(*pid);
  }
  return living;
}

Status Survivors::listen() {
  const std::string path = parts_.lifeline + "/" + kSocket;
  ::unlink(path.c_str());  // of an earlier daemon; that this is the only one is seen to by its lock
  Result<UniqueFd> listener = listen_unix(path, 0600, SocketKind::kMessages);
  if (!listener) return Failure(listener.error());
  parts_.loop.spawn("accept survivors", accept(*std::move(listener)));
  if (is_settled()) return {};
  parts_.slots.hold_back(true);
  parts_.code.keep_all(true);
  parts_.loop.spawn("wait for survivors", wait_for_all());
  return {};
}

net::Task<> Survivors::wait_for_all() {
  const MonotonicTime began = parts_.clock.monotonic();
  bool held_back = true;
  while (!is_settled() && parts_.clock.monotonic() - began < kAwaited) {
    co_await parts_.loop.sleep(kPause);
    forget_the_dead();
    if (held_back && parts_.clock.monotonic() - began > kHeldBack) {
      held_back = false;
      parts_.slots.hold_back(false);
    }
  }
  awaited_zygotes_.clear();
  awaited_workers_.clear();
  parts_.runs.give_up_unknown();
  for (const auto& zygote : std::exchange(zygotes_, {})) zygote->retire();
  parts_.code.keep_all(false);
  if (held_back) parts_.slots.hold_back(false);
}

void Survivors::forget_the_dead() {
  std::erase_if(awaited_zygotes_, [&](pid_t pid) { return has_ended(parts_.lifeline, pid); });
  std::erase_if(awaited_workers_, [](const auto& awaited) {
    const auto& [pid, zygote] = awaited;
    return !zygote->is_alive() || zygote->has_seen_end_of(pid);
  });
}

net::Task<> Survivors::accept(UniqueFd listener) {
  std::function<void(UniqueFd)> on_connection = [this](UniqueFd socket) {
    parts_.loop.spawn("take a survivor back", serve(std::move(socket)));
  };
  co_await accept_all(parts_.loop, std::move(listener), std::move(on_connection));
}

net::Task<bool> Survivors::wait_readable(int socket) {
  net::Event ready(parts_.loop);
  auto tell = [&ready] {
    ready.set();
    return net::Readable::Next::kStop;
  };
  net::Readable::OnReadable on_readable = tell;
  const net::Readable readable(parts_.loop, ::fcntl(socket, F_DUPFD_CLOEXEC, 0),
                               std::move(on_readable));
  co_return co_await ready.wait(kIntroduction) == net::Waited::kHappened;
}

net::Task<> Survivors::serve(UniqueFd socket) {
  const Result<PeerCredentials> peer = peer_credentials(socket.get());
  if (!peer || peer->uid != ::getuid()) co_return;
  if (!co_await wait_readable(socket.get())) co_return;
  std::vector<char> buffer(kMaxMessage);
  Result<ReceivedFds> received = receive_fds(socket.get(), buffer, kWorkerDescriptors);
  if (!received || received->outcome != ReceiveOutcome::kData) co_return;
  const Result<Json> said = wire::decode_head({buffer.data(), received->bytes});
  if (!said) co_return;
  const std::string op = wire::find_string(*said, "op").value_or("");
  // What it says is only believed of the process that says it.
  const bool is_itself = said->value("pid", 0) == peer->pid;
  if (is_itself && op == "zygote" && take_zygote(socket, *said)) co_return;
  Json answer = leave();
  if (is_itself && op == "worker" && received->fds.size() == kWorkerDescriptors) {
    Json words = *said;
    answer = co_await take_worker(std::move(words), std::move(received->fds));
  }
  send_message(socket.get(), answer);
}

bool Survivors::take_zygote(UniqueFd& socket, const Json& said) {
  const pid_t pid = said.value("pid", 0);
  if (awaited_zygotes_.erase(pid) == 0) return false;
  send_message(socket.get(), {{"op", "welcome"}});
  const auto zygote = std::make_shared<Zygote>(parts_.loop, Child{pid, {}}, std::move(socket));
  for (const Json& worker : said.value("workers", Json::array())) {
    if (worker.is_number_integer()) awaited_workers_[worker.get<pid_t>()] = zygote;
  }
  zygotes_.push_back(zygote);
  parts_.zygotes.keep(zygote);
  return true;
}

// Where the worker of this run belongs; none if that is not known any more.
TargetPtr Survivors::target_for(const RunRecord& run, const Json& said) {
  const ServicePtr service = parts_.registry.find_version(run.version);
  if (!service) return nullptr;
  if (!run.object.empty()) return parts_.objects.revive(run.object, service, said)->target;
  TargetPtr target = parts_.launcher.target_of(service);
  if (run.memory) target = parts_.launcher.resized(target, static_cast<std::uint64_t>(*run.memory));
  ++target->starting;
  return target;
}

net::Task<Json> Survivors::take_worker(Json said, Descriptors descriptors) {
  const pid_t pid = said.value("pid", 0);
  const auto awaited = awaited_workers_.find(pid);
  const auto nonce = nonce_of(said);
  if (awaited == awaited_workers_.end() || !nonce) co_return leave();
  const std::shared_ptr<Zygote> zygote = awaited->second;
  std::vector<std::pair<std::uint32_t, bool>> calls;  // number, and whether it's being cancelled
  const RunRecord* run = nullptr;
  for (const Json& call : said.value("calls", Json::array())) {
    const auto number = call.value("n", 0u);
    const RunRecord* known = parts_.runs.find_unknown(worker_call_name(*nonce, number));
    if (known == nullptr) continue;
    run = known;
    calls.emplace_back(number, call.value("cancelled", false));
  }
  if (run == nullptr) co_return leave();
  const TargetPtr target = target_for(*run, said);
  if (!target) co_return leave();
  Returning returning{pid,
                      channels_of(std::move(descriptors), *nonce),
                      wire::find_string(said, "workspace").value_or(""),
                      wire::find_string(said, "devices").value_or(""),
                      said.value("describe", Json::object()),
                      said.value("secrets", std::vector<std::string>())};
  const auto worker = co_await parts_.launcher.take_back(target->service, std::move(returning));
  awaited_workers_.erase(pid);
  Json accepted = Json::array();
  std::vector<std::string> cancelled;
  for (const auto& [number, is_cancelled] : calls) {
    const std::string name = worker_call_name(*nonce, number);
    const RunRecord* known = parts_.runs.find_unknown(name);
    const std::string id = known == nullptr ? "" : known->id;
    if (!parts_.runs.resume(name, target, worker, number)) continue;
    accepted.push_back(number);
    if (is_cancelled) cancelled.push_back(id);
  }
  // Its zygote and its code are of another time: others serve the calls that are to come.
  if (target->kind == TargetKind::kFunction || target->label == target->object_id) worker->retire();
  parts_.calls.worker_started(target, worker);
  worker->start();
  zygote->watch(worker);
  for (const std::string& id : cancelled)
    (void)co_await parts_.runs.cancel(id, "it was cancelled before the node was restarted");
  if (accepted.empty()) co_return leave();
  co_return Json{{"op", "welcome"}, {"calls", accepted}};
}

}  // namespace leanto::node
