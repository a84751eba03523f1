// Source trees that another node has and this one needs: the way back of node/code_sender.h.
#pragma once

#include <memory>
#include <vector>

#include "node/asker.h"
#include "node/code_store.h"
#include "node/peer.h"

namespace leanto::node {

// Gets what is missing here of these trees. The other node's own error: kSnapshot if it hasn't got
// one any more.
net::Task<Status> fetch_trees(CodeStore& code, std::shared_ptr<Asker> asker,
                              std::vector<Digest> trees, OnProgress on_progress);

// The tree that a question is about, `snapshot` in its head. kInvalid.
Result<Digest> snapshot_in(const wire::Json& head);

// What `tree_blobs` answers: each blob's digest, and its size in 8 bytes, little-endian.
std::string encode_blobs(const std::vector<TreeBlob>& blobs);
// kProtocol.
Result<std::vector<TreeBlob>> decode_blobs(std::string_view bytes);

}  // namespace leanto::node
