// A run of any node called again on any node: its code and its arguments travel through this one.
#include <algorithm>
#include <utility>

#include "node/cluster_operations.h"
#include "node/code_fetch.h"
#include "node/image_trees.h"

namespace leanto::node {

using wire::Json;

namespace {

constexpr const char* kHere = "here";

// The trees that a deploy with these words needs.
std::vector<CodeSender::Needed> needed_by(const Json& words) {
  std::vector<CodeSender::Needed> needed;
  if (const auto snapshot = wire::find_string(words, "snapshot")) {
    if (const std::optional<Digest> digest = Digest::parse(*snapshot))
      needed.push_back({wire::find_string(words, "root").value_or(""), *digest});
  }
  if (const auto image = words.find("image"); image != words.end()) {
    for (const auto& [path, digest] : trees_of(*image)) needed.push_back({path, digest});
  }
  return needed;
}

}  // namespace

// The node that has the run: the one that `from` names, else this one, else one that is up.
net::Task<Result<std::string>> ClusterOperations::find_run(const Json& head) {
  if (auto from = wire::find_string(head, "from")) co_return *std::move(from);
  const Json question = {{"op", "run_record"}, {"id", head.value("id", Json())}};
  wire::Body nothing;
  const Result<Answer> here = co_await ask_node("", question, std::move(nothing));
  if (here) co_return std::string();
  if (here.error().kind != ErrorKind::kNotFound) co_return Failure(here.error());
  for (const std::shared_ptr<Peer>& peer : parts_.peers.all()) {
    if (peer->state() != Peer::State::kUp) continue;
    wire::Body empty;
    const Result<Answer> there = co_await ask_node(peer->name(), question, std::move(empty));
    if (there) co_return peer->name();
  }
  co_return Failure(here.error());
}

net::Task<Result<ClusterOperations::Recalled>> ClusterOperations::recall(std::string node,
                                                                         std::string id) {
  const Json question = {{"op", "run_recall"}, {"id", id}};
  wire::Body nothing;
  Result<Answer> answer = co_await ask_node(node, question, std::move(nothing));
  if (!answer) co_return Failure(answer.error());
  const std::string_view body = answer->body.view();
  const auto values = static_cast<std::size_t>(
      std::max(0.0, wire::find_number(answer->head, "values").value_or(0)));
  if (values > body.size())
    co_return fail(ErrorKind::kProtocol, "what {} called is said with fewer bytes than it has", id);
  Recalled recalled{std::move(answer->head), std::string(body.substr(0, values)),
                    std::string(body.substr(values)), node};
  if (!recalled.head.contains("code_at")) co_return recalled;
  if (!node.empty()) {
    co_return fail(ErrorKind::kNotFound,
                   "the run {} of {} began on another machine, whose name only {} knows; replay it "
                   "from there",
                   id, node, node);
  }
  recalled.code_at = wire::find_string(recalled.head["code_at"], "node").value_or("");
  co_return recalled;
}

// Of a run that this node keeps and that began on another one, which has its code.
net::Task<Status> ClusterOperations::recall_code(Recalled& recalled) {
  const Json question = {{"op", "run_recall"}, {"v", recalled.head["code_at"].value("v", Json())}};
  wire::Body nothing;
  Result<Answer> code = co_await ask_node(recalled.code_at, question, std::move(nothing));
  if (!code) co_return Failure(code.error());
  Json deploy = code->head.value("deploy", Json::object());
  deploy.update(recalled.head.value("deploy", Json::object()));  // what was asked for goes first
  recalled.head["deploy"] = std::move(deploy);
  recalled.values = code->body.view();
  co_return Status();
}

// Makes the code of a run known to `to`; returns its version there. No name stands for it there
// because of that.
net::Task<Result<std::string>> ClusterOperations::bring(Recalled recalled, std::string to,
                                                        OnProgress on_progress) {
  if (recalled.head.contains("code_at")) {
    const Status found = co_await recall_code(recalled);
    if (!found) co_return Failure(found.error());
  }
  Json words = recalled.head.value("deploy", Json::object());
  words["op"] = "deploy";
  words["unnamed"] = true;
  const std::vector<CodeSender::Needed> needed = needed_by(words);
  if (!recalled.code_at.empty()) {
    const Result<std::shared_ptr<Peer>> peer = co_await parts_.clusters.find_node(recalled.code_at);
    if (!peer) co_return Failure(peer.error());
    const Result<std::shared_ptr<Asker>> asker = co_await (*peer)->asker(on_progress);
    if (!asker) co_return Failure(asker.error());
    std::vector<Digest> trees;
    for (const CodeSender::Needed& each : needed) trees.push_back(each.snapshot);
    const Status fetched = co_await fetch_trees(parts_.code, *asker, std::move(trees), on_progress);
    if (!fetched) co_return Failure(fetched.error());
  }
  wire::Body values = wire::Body(std::string_view(recalled.values)).to_owned();
  if (to.empty()) {
    const Result<Answer> known = co_await ask_node("", std::move(words), std::move(values));
    if (!known) co_return Failure(known.error());
    co_return wire::require_string(known->head, "v");
  }
  const Result<std::shared_ptr<Peer>> peer = co_await parts_.clusters.find_node(to);
  if (!peer) co_return Failure(peer.error());
  const Result<std::shared_ptr<Asker>> asker = co_await (*peer)->asker(on_progress);
  if (!asker) co_return Failure(asker.error());
  CodeSender::Ask ask = [&] { return (*asker)->ask(words, values.view()); };
  const Result<Asker::Reply> reply =
      co_await sender_.ask_with(*peer, *asker, needed, std::move(ask), on_progress);
  if (!reply) co_return Failure(reply.error());
  co_return wire::require_string(reply->head, "v");
}

net::Task<Result<Answer>> ClusterOperations::replay(Request& request) {
  const Result<std::string> id = wire::require_string(request.head, "id");
  if (!id) co_return Failure(id.error());
  const auto asked = wire::find_string(request.head, "to");
  const bool is_far = asked && *asked != kHere && !asked->empty();
  if (is_far) {
    const Result<std::shared_ptr<Peer>> there = co_await parts_.clusters.find_node(*asked);
    if (!there) co_return Failure(there.error());
  }
  const Result<std::string> from = co_await find_run(request.head);
  if (!from) co_return Failure(from.error());
  const std::string to = is_far ? *asked : asked ? std::string() : *from;
  const Json caller = request.head.value("caller", Json::object());
  Json question = {{"op", "run_replay"}, {"id", *id}, {"caller", caller}};
  wire::Body body;
  if (to != *from) {
    Result<Recalled> recalled = co_await recall(*from, *id);
    if (!recalled) co_return Failure(recalled.error());
    if (const auto python = wire::find_string(request.head, "python"))
      recalled->head["deploy"]["python_otherwise"] = *python;
    Json call = recalled->head.value("call", Json::object());
    call["replays"] = recalled->head.value("id", *id);
    body = wire::Body(std::string_view(recalled->arguments)).to_owned();
    const OnProgress on_progress = progress_of(request);
    Result<std::string> version = co_await bring(*std::move(recalled), to, on_progress);
    if (!version) co_return Failure(version.error());
    call["v"] = *std::move(version);
    question = {{"op", "submit"}, {"caller", caller}, {"call", std::move(call)}};
  }
  const Json replays = to != *from ? question["call"]["replays"] : Json();
  Result<Answer> answer = co_await ask_node(to, std::move(question), std::move(body));
  if (!answer) co_return Failure(answer.error());
  if (!replays.is_null()) answer->head["replays"] = replays;
  answer->head["node"] = to;
  co_return answer;
}

net::Task<Result<Answer>> ClusterOperations::debug(Request& request) {
  const Result<std::string> id = wire::require_string(request.head, "id");
  if (!id) co_return Failure(id.error());
  const Result<std::string> from = co_await find_run(request.head);
  if (!from) co_return Failure(from.error());
  Json question = {
      {"op", "run_debug"}, {"id", *id}, {"directory", request.head.value("directory", Json())}};
  Result<Recalled> recalled = co_await recall(*from, *id);
  if (from->empty() && (!recalled || recalled->code_at.empty())) {
    wire::Body nothing;
    co_return co_await ask_node("", std::move(question), std::move(nothing));
  }
  if (!recalled) co_return Failure(recalled.error());
  question["id"] = recalled->head.value("id", *id);
  question["call"] = recalled->head.value("call", Json::object());
  wire::Body body = wire::Body(std::string_view(recalled->arguments)).to_owned();
  const OnProgress on_progress = progress_of(request);
  Result<std::string> version = co_await bring(*std::move(recalled), "", on_progress);
  if (!version) co_return Failure(version.error());
  question["v"] = *std::move(version);
  co_return co_await ask_node("", std::move(question), std::move(body));
}

}  // namespace leanto::node
