// Source trees on their way to another node: only what that lacks travels.
//
// What it was sent last of a project is remembered, so an edit's files go ahead of the question
// that needs them, without asking first: one round trip for both. Otherwise it's asked what it
// lacks.
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
  explicit CodeSender(CodeStore& code) : code_(code) {}

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
  net::Task<Status> send_ahead(const std::string& where, std::shared_ptr<Asker> asker,
                               const std::vector<Needed>& needed, bool& all_known);
  net::Task<Status> send_missing(std::shared_ptr<Asker> asker, const std::vector<Needed>& needed,
                                 OnProgress on_progress);
  net::Task<Status> send_batches(std::shared_ptr<Asker> asker, std::vector<TreeBlob> blobs,
                                 OnProgress on_progress);

  CodeStore& code_;
  std::map<std::string, Digest> sent_;  // by node id and root
};

// Digests one after the other, as questions about blobs carry them. kProtocol.
Result<std::vector<Digest>> split_digests(std::string_view bytes);

}  // namespace leanto::node
