#include "node/code_sender.h"

#include <deque>
#include <utility>

#include "node/code_fetch.h"

namespace leanto::node {

namespace {

constexpr std::uint64_t kBatchBytes = 4 << 20;
constexpr std::size_t kBatchBlobs = 4096;
constexpr std::size_t kBatchesUnderWay = 3;
constexpr std::uint64_t kSayFrom = 8 << 20;  // bytes; less is there before it could be read
constexpr std::size_t kMaxAhead = 2000;      // blobs; more is asked for first
constexpr Duration kStalled = std::chrono::seconds(10);  // then a neighbour isn't waited for

std::string key_of(const std::string& node, const std::string& root) {
  return fmt::format("{} {}", node, root);
}

std::vector<Digest> digests_of(const std::vector<TreeBlob>& blobs) {
  std::vector<Digest> digests;
  for (const TreeBlob& blob : blobs) digests.push_back(blob.digest);
  return digests;
}

// Of a node's name; empty for the only node of one.
std::string_view cluster_in(std::string_view name) {
  const std::size_t end = name.find('/');
  return end == std::string_view::npos ? std::string_view() : name.substr(0, end);
}

std::string key_of_sending(const std::string& name, const Digest& snapshot) {
  return fmt::format("{} {}", cluster_in(name), snapshot.hex());
}

wire::Body body_of(std::string text) { return wire::Body(text).to_owned(); }

net::Task<Result<std::vector<TreeBlob>>> find_lacking(std::shared_ptr<Asker> asker,
                                                      std::vector<TreeBlob> all) {
  const wire::Json question = {{"op", "missing_blobs"}};
  const Result<Asker::Reply> reply =
      co_await asker->ask(question, body_of(join_digests(digests_of(all))));
  if (!reply) co_return Failure(reply.error());
  const Result<std::vector<Digest>> digests = split_digests(reply->body.view());
  if (!digests) co_return Failure(digests.error());
  co_return named_of(all, *digests);
}

}  // namespace

net::Task<Result<Asker::Reply>> CodeSender::ask_with(std::shared_ptr<Peer> peer,
                                                     std::shared_ptr<Asker> asker,
                                                     std::vector<Needed> needed, Ask ask,
                                                     OnProgress on_progress) {
  bool all_known = true;
  const std::string where = peer->node_id();
  const Status ahead = co_await send_ahead(where, asker, needed, all_known);
  if (!ahead) co_return Failure(ahead.error());
  if (!all_known) {
    const Status sent = co_await send_missing(peer, asker, needed, on_progress);
    if (!sent) co_return Failure(sent.error());
  }
  Result<Asker::Reply> reply = co_await ask();
  const bool lacks = !reply && (reply.error().kind == ErrorKind::kSnapshot ||
                                reply.error().kind == ErrorKind::kNotFound);  // one file's blob
  if (all_known && lacks) {
    const Status sent = co_await send_missing(peer, asker, needed, on_progress);
    if (!sent) co_return Failure(sent.error());
    reply = co_await ask();
  }
  for (const Needed& each : needed) {
    if (reply) {
      sent_[key_of(where, each.root)] = {each.snapshot, peer->name()};
    } else {
      sent_.erase(key_of(where, each.root));
    }
  }
  co_return reply;
}

// Sends what an edit changed, and waits for nothing.
net::Task<Status> CodeSender::send_ahead(const std::string& where, std::shared_ptr<Asker> asker,
                                         const std::vector<Needed>& needed, bool& all_known) {
  for (const Needed& each : needed) {
    const auto known = sent_.find(key_of(where, each.root));
    if (known == sent_.end()) {
      all_known = false;
      continue;
    }
    if (known->second.snapshot == each.snapshot) continue;
    const Result<TreePtr> before = co_await code_.tree(known->second.snapshot);
    const Result<TreePtr> now = co_await code_.tree(each.snapshot);
    if (!now) co_return Failure(now.error());
    const std::vector<TreeBlob> blobs = blobs_beyond(before ? before->get() : nullptr, **now);
    if (!before || blobs.size() > kMaxAhead) {
      all_known = false;
      continue;
    }
    Result<std::string> pack = co_await code_.pack(digests_of(blobs));
    if (!pack) co_return Failure(pack.error());
    const wire::Json question = {{"op", "put_blobs"}};
    asker->tell(question, body_of(*std::move(pack)));
  }
  co_return Status();
}

net::Task<Status> CodeSender::send_missing(std::shared_ptr<Peer> peer, std::shared_ptr<Asker> asker,
                                           const std::vector<Needed>& needed,
                                           OnProgress on_progress) {
  for (const Needed& each : needed) {
    const Status sent = co_await send_tree(peer, asker, each.snapshot, on_progress);
    if (!sent) co_return sent;
    sent_[key_of(peer->node_id(), each.root)] = {each.snapshot, peer->name()};
  }
  co_return Status();
}

net::Task<Status> CodeSender::send_tree(std::shared_ptr<Peer> peer, std::shared_ptr<Asker> asker,
                                        Digest snapshot, OnProgress on_progress) {
  const Result<TreePtr> tree = co_await code_.tree(snapshot);
  if (!tree) co_return Failure(tree.error());
  const std::vector<TreeBlob> all = blobs_beyond(nullptr, **tree);
  Result<std::vector<TreeBlob>> lacking = co_await find_lacking(asker, all);
  if (!lacking) co_return Failure(lacking.error());
  const std::string name = peer->name();
  std::shared_ptr<Sending> sending;
  if (!cluster_in(name).empty() && bytes_of(*lacking) >= kShareFrom) {
    if (co_await get_from_neighbour(name, snapshot, on_progress)) {
      lacking = co_await find_lacking(asker, all);
      if (!lacking) co_return Failure(lacking.error());
    }
    sending = std::make_shared<Sending>(loop_, name);
    sending_[key_of_sending(name, snapshot)] = sending;
  }
  const Status sent =
      co_await send_batches(asker, *std::move(lacking), sending, std::move(on_progress));
  if (sending) {
    sending->has_all = sent.has_value();
    sending->done.set();
    const auto kept = sending_.find(key_of_sending(name, snapshot));
    if (kept != sending_.end() && kept->second == sending) sending_.erase(kept);
  }
  co_return sent;
}

// Another node of the same cluster that was sent that and has used it.
std::string CodeSender::find_holder(const std::string& name, const Digest& snapshot) const {
  for (const auto& [key, sent] : sent_) {
    if (sent.snapshot == snapshot && sent.name != name &&
        cluster_in(sent.name) == cluster_in(name) && neighbours_.can_share(sent.name, name)) {
      return sent.name;
    }
  }
  return "";
}

// One that is just being sent it is waited for, as long as more of it arrives there.
net::Task<bool> CodeSender::get_from_neighbour(std::string name, Digest snapshot,
                                               OnProgress on_progress) {
  std::string holder = find_holder(name, snapshot);
  while (holder.empty()) {
    const auto found = sending_.find(key_of_sending(name, snapshot));
    if (found == sending_.end()) co_return false;
    const std::shared_ptr<Sending> sending = found->second;
    if (sending->to == name || !neighbours_.can_share(sending->to, name)) co_return false;
    if (on_progress)
      on_progress(fmt::format("waiting for {} to have the project's files", sending->to));
    for (std::size_t arrived = sending->batches; !sending->done.is_set();
         arrived = sending->batches) {
      const bool is_stalled = co_await sending->done.wait(kStalled) == net::Waited::kTimedOut &&
                              sending->batches == arrived;
      if (is_stalled) co_return false;
    }
    if (sending->has_all) holder = sending->to;
  }
  if (on_progress) on_progress(fmt::format("getting the project's files from {}", holder));
  co_return co_await neighbours_.share(std::move(holder), std::move(name), snapshot);
}

// What has arrived stays there: sending that was interrupted goes on with the rest.
net::Task<Status> CodeSender::send_batches(std::shared_ptr<Asker> asker,
                                           std::vector<TreeBlob> blobs,
                                           std::shared_ptr<Sending> sending,
                                           OnProgress on_progress) {
  const std::uint64_t total = bytes_of(blobs);
  std::uint64_t sent = 0;
  std::deque<net::Task<Result<Asker::Reply>>> under_way;
  std::size_t at = 0;
  while (at < blobs.size() || !under_way.empty()) {
    if (at == blobs.size() || under_way.size() == kBatchesUnderWay) {
      net::Task<Result<Asker::Reply>> oldest = std::move(under_way.front());
      under_way.pop_front();
      const Result<Asker::Reply> reply = co_await std::move(oldest);
      if (!reply) co_return Failure(reply.error());
      if (sending) ++sending->batches;
      continue;
    }
    std::vector<Digest> batch;
    std::uint64_t size = 0;
    for (; at < blobs.size() && batch.size() < kBatchBlobs && (batch.empty() || size < kBatchBytes);
         ++at) {
      batch.push_back(blobs[at].digest);
      size += blobs[at].size;
    }
    Result<std::string> pack = co_await code_.pack(std::move(batch));
    if (!pack) co_return Failure(pack.error());
    const wire::Json question = {{"op", "put_blobs"}};
    under_way.push_back(asker->ask(question, body_of(*std::move(pack))));
    sent += size;
    if (on_progress && total >= kSayFrom)
      on_progress(fmt::format("sending the project's files: {} of {} MB", sent / 1'000'000,
                              total / 1'000'000));
  }
  co_return Status();
}

}  // namespace leanto::node
