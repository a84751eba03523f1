// Source trees on their way to another node: only what that lacks travels.
//
// What it was sent last of a project is remembered, so an edit's files go ahead of the question
// that needs them, without asking first: one round trip for both. Otherwise it's asked what it
// lacks. If that's much, and another node of the same cluster has it or is just being sent it, it's
// to get it there (docs/adr/0015): so the files of a project pass here once, however many hosts a
// cluster has.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "node/asker.h"
#include "node/code_store.h"
#include "node/peer.h"

namespace leanto::node {

class CodeSender {
 public:
  static constexpr std::uint64_t kShareFrom = 256 << 10;  // bytes; less is sent sooner from here

  // Between two other nodes, by their names.
  struct Neighbours {
    // As far as it's known here, without asking them.
    std::function<bool(const std::string& from, const std::string& to)> can_share;
    // Has `to` get a tree from `from`: whether it could.
    std::function<net::Task<bool>(std::string from, std::string to, Digest tree)> share;
  };
  CodeSender(net::Loop& loop, CodeStore& code, Neighbours neighbours)
      : loop_(loop), code_(code), neighbours_(std::move(neighbours)) {}

  // A tree that `needed` is about; `root` tells what is its former state.
  struct Needed {
    std::string root;
    Digest snapshot;
  };
  using Ask = std::function<net::Task<Result<Asker::Reply>>()>;

  // Asks something that needs these trees there. It's asked again, after all that lacks was sent,
  // if the answer is kSnapshot: something is not there though it was sent once.
  net::Task<Result<Asker::Reply>> ask_with(std::shared_ptr<Peer> peer, std::shared_ptr<Asker> asker,
                                           std::vector<Needed> needed, Ask ask,
                                           OnProgress on_progress);

 private:
  // A large tree on its way to a node.
  struct Sending {
    Sending(net::Loop& loop, std::string node) : to(std::move(node)), done(loop) {}
    std::string to;
    net::Event done;
    std::size_t batches = 0;  // that have arrived
    bool has_all = false;
  };
  net::Task<Status> send_ahead(const std::string& where, std::shared_ptr<Asker> asker,
                               const std::vector<Needed>& needed, bool& all_known);
  net::Task<Status> send_missing(std::shared_ptr<Peer> peer, std::shared_ptr<Asker> asker,
                                 const std::vector<Needed>& needed, OnProgress on_progress);
  net::Task<Status> send_tree(std::shared_ptr<Peer> peer, std::shared_ptr<Asker> asker,
                              Digest snapshot, OnProgress on_progress);
  net::Task<Status> send_batches(std::shared_ptr<Asker> asker, std::vector<TreeBlob> blobs,
                                 std::shared_ptr<Sending> sending, OnProgress on_progress);
  net::Task<bool> get_from_neighbour(std::string name, Digest snapshot, OnProgress on_progress);
  std::string find_holder(const std::string& name, const Digest& snapshot) const;

  struct Sent {
    Digest snapshot;
    std::string name;  // of the node
  };
  net::Loop& loop_;
  CodeStore& code_;
  Neighbours neighbours_;
  std::map<std::string, Sent> sent_;                         // by node id and root
  std::map<std::string, std::shared_ptr<Sending>> sending_;  // by cluster and snapshot
};

}  // namespace leanto::node
