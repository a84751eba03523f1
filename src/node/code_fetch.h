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

// Those of `all` that are named, in the order in which they are; others are left out.
std::vector<TreeBlob> named_of(const std::vector<TreeBlob>& all,
                               const std::vector<Digest>& digests);
std::uint64_t bytes_of(const std::vector<TreeBlob>& blobs);

// Digests one after the other, as questions about blobs carry them.
std::string join_digests(const std::vector<Digest>& digests);
// kProtocol.
Result<std::vector<Digest>> split_digests(std::string_view bytes);

// What `tree_blobs` answers: each blob's digest, and its size in 8 bytes, little-endian.
std::string encode_blobs(const std::vector<TreeBlob>& blobs);
// kProtocol.
Result<std::vector<TreeBlob>> decode_blobs(std::string_view bytes);

}  // namespace leanto::node
