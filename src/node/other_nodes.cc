#include "node/other_nodes.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <utility>

#include "node/ids.h"
#include "node/refusal.h"
#include "os/files.h"
#include "os/unix_socket.h"

namespace leanto::node {

namespace {

constexpr std::size_t kIdSize = 16;

Result<int> serve_other_end(const std::function<void(UniqueFd, const Access&)>& serve,
                            const Access& access) {
  auto ends = socket_pair();
  if (!ends) return Failure(ends.error());
  serve(std::move(ends->first), access);
  return ends->second.release();
}

}  // namespace

OtherNodes::OtherNodes(Parts parts)
    : parts_(std::move(parts)),
      started_(parts_.loop, parts_.clock, parts_.started_directory),
      peers_({parts_.loop, parts_.outgoing, parts_.clock, parts_.id, parts_.version,
              [this](const HostSpec& host, OnProgress on_progress) {
                return dial(host, std::move(on_progress));
              }}),
      offers_({parts_.loop, parts_.provider, peers_}),
      clusters_({parts_.clock, parts_.ledger, parts_.provider, peers_, offers_, parts_.config_file,
                 parts_.hosts_file}),
      orphans_({parts_.loop, clusters_, peers_, started_, parts_.look, parts_.ssh_command}),
      operations_({parts_.loop, parts_.clock, parts_.code, clusters_, peers_, started_, orphans_,
                   parts_.ask_here, parts_.ssh_command, parts_.snapshot_of}),
      accepted_({parts_.loop, parts_.id, parts_.version,
                 [this](const Access& access) { return serve_other_end(parts_.serve, access); },
                 LinkTimes{}, parts_.listens}) {}

// A node is never started before it's written down where.
net::Task<Result<Transport>> OtherNodes::dial(HostSpec host, OnProgress on_progress) {
  const Status noted = co_await started_.note(host);
  if (!noted) co_return Failure(noted.error());
  co_return co_await parts_.dial(host, std::move(on_progress));
}

net::Task<> OtherNodes::relay(std::string name, UniqueFd socket) {
  const Status joined = co_await join(std::move(name), socket);
  if (!joined) refuse(socket.get(), joined.error());
}

net::Task<Status> OtherNodes::join(std::string name, UniqueFd& socket) {
  const Result<std::shared_ptr<Peer>> peer = co_await clusters_.find_node(std::move(name));
  if (!peer) co_return Failure(peer.error());
  co_return co_await (*peer)->relay(socket);
}

net::Task<Result<std::shared_ptr<Asker>>> OtherNodes::find_asker(std::string name, bool again) {
  const Result<std::shared_ptr<Peer>> peer = co_await clusters_.find_node(std::move(name));
  if (!peer) co_return Failure(peer.error());
  if (again && (*peer)->was_stopped())
    co_return fail(ErrorKind::kNotFound, "{} was taken down, with what ran there", (*peer)->name());
  co_return co_await (*peer)->asker();
}

Result<std::string> node_id(const std::filesystem::path& directory) {
  const std::filesystem::path file = directory / "node.id";
  if (const Result<std::string> known = read_file(file.string());
      known && known->size() == kIdSize) {
    return *known;
  }
  const std::string id = make_object_id();
  if (Status written = write_file_atomically(file.string(), id, 0600); !written)
    return Failure(written.error());
  return id;
}

}  // namespace leanto::node
