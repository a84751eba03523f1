#include "node/cluster_operations.h"

#include <utility>

#include "node/image_trees.h"

namespace leanto::node {

using wire::Json;

namespace {

constexpr Duration kStopLimit = std::chrono::seconds(15);

Json to_json(const Peer& peer) {
  Json json = {{"name", peer.name()},
               {"state", state_name(peer.state())},
               {"id", peer.node_id()},
               {"version", peer.version()},
               {"reconnects", peer.reconnects()}};
  if (peer.why_down()) json["error"] = wire::error_to_json(*peer.why_down());
  return json;
}

}  // namespace

ClusterOperations::ClusterOperations(Parts parts)
    : parts_(std::move(parts)),
      sender_(
          parts_.loop, parts_.code,
          {[this](const std::string& from, const std::string& to) { return can_share(from, to); },
           [this](std::string from, std::string to, Digest tree) {
             return share_tree(std::move(from), std::move(to), tree);
           }}),
      moves_(parts_.clock),
      operations_{{"cluster", &ClusterOperations::cluster},
                  {"clusters", &ClusterOperations::clusters},
                  {"cluster_up", &ClusterOperations::up},
                  {"offer", &ClusterOperations::offer},
                  {"offers", &ClusterOperations::offers},
                  {"cluster_down", &ClusterOperations::down},
                  {"forget_cluster", &ClusterOperations::forget},
                  {"orphans", &ClusterOperations::orphans},
                  {"node_state", &ClusterOperations::node_state},
                  {"ssh_command", &ClusterOperations::ssh_command},
                  {"move_value", &ClusterOperations::move_value},
                  {"missing_blobs", &ClusterOperations::missing_blobs},
                  {"put_blobs", &ClusterOperations::put_blobs},
                  {"tree_blobs", &ClusterOperations::tree_blobs},
                  {"get_blobs", &ClusterOperations::get_blobs}} {}

net::Task<Result<Answer>> ClusterOperations::run(const std::string& op, Request& request) {
  const Operation operation = operations_.at(op);
  co_return co_await (this->*operation)(request);
}

net::Task<Result<Answer>> ClusterOperations::cluster(Request& request) {
  const Result<std::string> name = wire::require_string(request.head, "name");
  if (!name) co_return Failure(name.error());
  Json words = request.head.value("words", Json::object());
  const Result<ClusterSpec> cluster = co_await parts_.clusters.resolve(*name, words);
  if (!cluster) co_return Failure(cluster.error());
  if (cluster->hosts.empty()) {
    const Result<Clusters::Choice> choice =
        co_await parts_.clusters.choose_node(*cluster, std::move(words));
    if (!choice) co_return Failure(choice.error());
    const Offer& offer = choice->offer;
    Json said = {{"provider", offer.provider}, {"node", offer.node}, {"path", choice->path}};
    if (is_elsewhere(offer.provider)) said["nodes"] = {offer.node};
    co_return Answer{std::move(said), {}};
  }
  Json nodes = Json::array();
  for (const auto& peer : parts_.peers.of(*cluster)) nodes.push_back(peer->name());
  co_return Answer{{{"provider", cluster->hosts.front().provider()}, {"nodes", nodes}}, {}};
}

net::Task<Result<Answer>> ClusterOperations::clusters(Request&) {
  const Result<std::vector<ClusterSpec>> all = co_await parts_.clusters.all();
  if (!all) co_return Failure(all.error());
  Json rows = Json::array();
  for (const ClusterSpec& cluster : *all) {
    Json nodes = Json::array();
    for (const HostSpec& host : cluster.hosts) {
      const std::shared_ptr<Peer> peer = parts_.peers.find(host.node);
      Json node = peer ? to_json(*peer) : Json{{"name", host.node}, {"state", "down"}};
      node["host"] = host.host;
      nodes.push_back(std::move(node));
    }
    rows.push_back({{"name", cluster.name},
                    {"provider", cluster.hosts.empty() ? cluster.policies.front()
                                                       : cluster.hosts.front().provider()},
                    {"asked", describe(cluster.requirements)},
                    {"nodes", std::move(nodes)}});
  }
  co_return Answer{{{"clusters", rows}}, {}};
}

// What this machine offers, for another node that asks.
net::Task<Result<Answer>> ClusterOperations::offer(Request& request) {
  const Requirements asked = requirements_from(request.head.value("requirements", Json::object()));
  const Result<Offer> offer = parts_.clusters.offer_here(asked);
  if (!offer) co_return Failure(offer.error());
  co_return Answer{to_json(*offer), {}};
}

net::Task<Result<Answer>> ClusterOperations::offers(Request& request) {
  const Json words = request.head.value("words", Json::object());
  const Result<ClusterSpec> asked = parse_cluster("offers", words);
  if (!asked) co_return Failure(asked.error());
  const Result<std::vector<Offer>> offers = co_await parts_.clusters.offers(asked->requirements);
  if (!offers) co_return Failure(offers.error());
  Json rows = Json::array();
  for (const Offer& offer : *offers) rows.push_back(to_json(offer));
  co_return Answer{{{"offers", rows}}, {}};
}

net::Task<Result<Answer>> ClusterOperations::up(Request& request) {
  const Result<std::string> name = wire::require_string(request.head, "name");
  if (!name) co_return Failure(name.error());
  Json words = request.head.value("words", Json::object());
  const Result<ClusterSpec> cluster = co_await parts_.clusters.resolve(*name, std::move(words));
  if (!cluster) co_return Failure(cluster.error());
  Json nodes = Json::array();
  for (const auto& peer : parts_.peers.of(*cluster)) {
    const bool was_up = peer->state() == Peer::State::kUp;
    OnProgress on_progress = progress_of(request);
    const auto link = co_await peer->link(std::move(on_progress));
    if (!link) co_return Failure(link.error());
    Json node = to_json(*peer);
    node["was_up"] = was_up;
    nodes.push_back(std::move(node));
  }
  co_return Answer{{{"nodes", nodes}}, {}};
}

// The nodes end, with what runs there.
net::Task<Result<Answer>> ClusterOperations::down(Request& request) {
  const Result<std::string> name = wire::require_string(request.head, "name");
  if (!name) co_return Failure(name.error());
  const Result<ClusterSpec> cluster = co_await parts_.clusters.resolve(*name, Json::object());
  if (!cluster) co_return Failure(cluster.error());
  Json nodes = Json::array();
  const std::vector<std::shared_ptr<Peer>> peers = parts_.peers.of(*cluster);
  for (std::size_t i = 0; i < peers.size(); ++i) {
    const Status stopped = co_await peers[i]->stop(kStopLimit);
    if (!stopped) co_return Failure(stopped.error());
    const Status cleared = co_await parts_.started.clear(cluster->hosts[i]);
    if (!cleared) co_return Failure(cleared.error());
    nodes.push_back(peers[i]->name());
  }
  co_return Answer{{{"nodes", nodes}}, {}};
}

net::Task<Result<Answer>> ClusterOperations::forget(Request& request) {
  const Result<std::string> name = wire::require_string(request.head, "name");
  if (!name) co_return Failure(name.error());
  const Status forgotten = co_await parts_.clusters.forget(*name);
  if (!forgotten) co_return Failure(forgotten.error());
  co_return Answer{};
}

net::Task<Result<Answer>> ClusterOperations::orphans(Request&) {
  Result<Json> found = co_await parts_.orphans.find();
  if (!found) co_return Failure(found.error());
  co_return Answer{*std::move(found), {}};
}

// Why a connection to another node broke.
net::Task<Result<Answer>> ClusterOperations::node_state(Request& request) {
  const Result<std::string> name = wire::require_string(request.head, "node");
  if (!name) co_return Failure(name.error());
  const std::shared_ptr<Peer> peer = parts_.peers.find(*name);
  if (!peer) co_return fail(ErrorKind::kNotFound, "no node is named '{}'", *name);
  co_return Answer{to_json(*peer), {}};
}

net::Task<Result<Answer>> ClusterOperations::ssh_command(Request& request) {
  const Result<std::string> name = wire::require_string(request.head, "node");
  if (!name) co_return Failure(name.error());
  const Result<HostSpec> host = co_await parts_.clusters.find_host(*name);
  if (!host) co_return Failure(host.error());
  if (host->is_direct())
    co_return fail(ErrorKind::kInvalid, "{} is reached by TLS and not by ssh", *name);
  co_return Answer{{{"command", parts_.ssh_command(*host)}}, {}};
}

// The node of that name; the one here has none.
net::Task<Result<Answer>> ClusterOperations::ask_node(std::string name, Json question,
                                                      wire::Body body) {
  if (name.empty()) {
    Request request{std::move(question), std::move(body), {}};
    request.access = Access::owner();  // the caller's right to move it was checked
    co_return co_await parts_.ask_here(std::move(request));
  }
  const Result<std::shared_ptr<Peer>> peer = co_await parts_.clusters.find_node(std::move(name));
  if (!peer) co_return Failure(peer.error());
  const Result<std::shared_ptr<Asker>> asker = co_await (*peer)->asker();
  if (!asker) co_return Failure(asker.error());
  Result<Asker::Reply> reply = co_await (*asker)->ask(question, std::move(body));
  if (!reply) co_return Failure(reply.error());
  co_return Answer{std::move(reply->head), std::move(reply->body)};
}

// The trees that a deploy needs where it goes, which its words name by their digests from now on.
net::Task<Result<std::vector<CodeSender::Needed>>> ClusterOperations::find_needed(
    const Request& request, Json& words) {
  std::vector<CodeSender::Needed> needed;
  const std::string root = wire::find_string(request.head, "root").value_or("");
  if (const auto of = wire::find_string(request.head, "snapshot_of")) {
    const std::optional<Digest> snapshot = parts_.snapshot_of(*of);
    if (!snapshot) {
      co_return fail(ErrorKind::kNotFound,
                     "the version {} that this code came with is not known here", *of);
    }
    words.erase("snapshot_of");
    needed.push_back({root, *snapshot});
  } else if (!root.empty()) {
    const Result<Snapshot> snapshot = co_await parts_.code.snapshot(root);
    if (!snapshot) co_return Failure(snapshot.error());
    needed.push_back({root, snapshot->digest});
  }
  if (!needed.empty()) words["snapshot"] = needed.front().snapshot.hex();
  if (const auto image = words.find("image"); image != words.end()) {
    const Status taken = co_await take_trees(parts_.code, *image);
    if (!taken) co_return Failure(taken.error());
    for (const auto& [path, digest] : trees_of(*image)) needed.push_back({path, digest});
  }
  co_return needed;
}

net::Task<Result<Answer>> ClusterOperations::deploy(Request& request) {
  const Result<std::string> to = wire::require_string(request.head, "to");
  if (!to) co_return Failure(to.error());
  const Result<std::shared_ptr<Peer>> peer = co_await parts_.clusters.find_node(*to);
  if (!peer) co_return Failure(peer.error());
  const OnProgress on_progress = progress_of(request);
  const Result<std::shared_ptr<Asker>> asker = co_await (*peer)->asker(on_progress);
  if (!asker) co_return Failure(asker.error());
  Json words = request.head;
  words.erase("to");
  const Result<std::vector<CodeSender::Needed>> needed = co_await find_needed(request, words);
  if (!needed) co_return Failure(needed.error());
  Asker::OnLog on_log = [caller = request.caller, stream = request.stream](std::string_view head,
                                                                           std::string_view text) {
    if (const auto port = caller.lock())
      port->reply(wire::FrameType::kLog, stream, head, wire::Body(text));
  };
  CodeSender::Ask ask = [&] { return (*asker)->ask(words, request.body.view(), on_log); };
  Result<Asker::Reply> reply =
      co_await sender_.ask_with(*peer, *asker, *needed, std::move(ask), on_progress);
  if (!reply) co_return Failure(reply.error());
  co_return Answer{std::move(reply->head), std::move(reply->body)};
}

}  // namespace leanto::node
