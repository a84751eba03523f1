#include "node/code_fetch.h"

#include <unordered_map>
#include <utility>

namespace leanto::node {

namespace {

constexpr std::uint64_t kBatchBytes = 4 << 20;
constexpr std::size_t kBatchBlobs = 2000;  // a question by a ticket is under 64 KiB
constexpr std::size_t kRow = sizeof(Digest) + 8;
constexpr std::uint64_t kSayFrom = 8 << 20;  // bytes; less is here before it could be read

net::Task<Status> fetch_batches(CodeStore& code, std::shared_ptr<Asker> asker, Digest tree,
                                std::vector<TreeBlob> blobs, OnProgress on_progress) {
  const std::uint64_t total = bytes_of(blobs);
  std::uint64_t got = 0;
  for (std::size_t at = 0; at < blobs.size();) {
    std::vector<Digest> digests;
    std::uint64_t size = 0;
    for (; at < blobs.size() && digests.size() < kBatchBlobs &&
           (digests.empty() || size < kBatchBytes);
         ++at) {
      digests.push_back(blobs[at].digest);
      size += blobs[at].size;
    }
    const wire::Json question = {{"op", "get_blobs"}, {"snapshot", tree.hex()}};
    const std::string joined = join_digests(digests);
    wire::Body body = wire::Body(std::string_view(joined)).to_owned();
    Result<Asker::Reply> reply = co_await asker->ask(question, std::move(body));
    if (!reply) co_return Failure(reply.error());
    const Status unpacked = co_await code.unpack(std::move(reply->body));
    if (!unpacked) co_return unpacked;
    got += size;
    if (on_progress && total >= kSayFrom)
      on_progress(fmt::format("fetching the project's files: {} of {} MB", got / 1'000'000,
                              total / 1'000'000));
  }
  co_return Status();
}

}  // namespace

net::Task<Status> fetch_trees(CodeStore& code, std::shared_ptr<Asker> asker,
                              std::vector<Digest> trees, OnProgress on_progress) {
  for (const Digest& tree : trees) {
    const wire::Json question = {{"op", "tree_blobs"}, {"snapshot", tree.hex()}};
    const Result<Asker::Reply> reply = co_await asker->ask(question);
    if (!reply) co_return Failure(reply.error());
    const Result<std::vector<TreeBlob>> all = decode_blobs(reply->body.view());
    if (!all) co_return Failure(all.error());
    std::vector<Digest> digests;
    for (const TreeBlob& blob : *all) digests.push_back(blob.digest);
    const std::vector<Digest> missing = co_await code.missing(std::move(digests));
    std::vector<TreeBlob> lacking = named_of(*all, missing);
    const Status fetched =
        co_await fetch_batches(code, asker, tree, std::move(lacking), on_progress);
    if (!fetched) co_return fetched;
    const Result<TreePtr> whole = co_await code.tree(tree);
    if (!whole) co_return Failure(whole.error());
  }
  co_return Status();
}

Result<Digest> snapshot_in(const wire::Json& head) {
  const std::string text = wire::find_string(head, "snapshot").value_or("");
  const std::optional<Digest> snapshot = Digest::parse(text);
  if (!snapshot) return fail(ErrorKind::kInvalid, "'{}' is no digest", text);
  return *snapshot;
}

std::vector<TreeBlob> named_of(const std::vector<TreeBlob>& all,
                               const std::vector<Digest>& digests) {
  std::unordered_map<Digest, std::uint64_t, DigestHash> sizes;
  for (const TreeBlob& blob : all) sizes.emplace(blob.digest, blob.size);
  std::vector<TreeBlob> named;
  for (const Digest& digest : digests) {
    if (const auto size = sizes.find(digest); size != sizes.end())
      named.push_back({digest, size->second});
  }
  return named;
}

std::uint64_t bytes_of(const std::vector<TreeBlob>& blobs) {
  std::uint64_t bytes = 0;
  for (const TreeBlob& blob : blobs) bytes += blob.size;
  return bytes;
}

std::string join_digests(const std::vector<Digest>& digests) {
  std::string bytes;
  bytes.reserve(digests.size() * sizeof(Digest));
  for (const Digest& digest : digests)
    bytes.append(reinterpret_cast<const char*>(digest.bytes.data()), digest.bytes.size());
  return bytes;
}

Result<std::vector<Digest>> split_digests(std::string_view bytes) {
  std::vector<Digest> digests;
  if (bytes.size() % sizeof(Digest) != 0)
    return fail(ErrorKind::kProtocol, "a list of digests of {} bytes", bytes.size());
  for (; !bytes.empty(); bytes.remove_prefix(sizeof(Digest))) {
    Digest digest;
    bytes.copy(reinterpret_cast<char*>(digest.bytes.data()), sizeof(Digest));
    digests.push_back(digest);
  }
  return digests;
}

std::string encode_blobs(const std::vector<TreeBlob>& blobs) {
  std::string bytes;
  bytes.reserve(blobs.size() * kRow);
  for (const TreeBlob& blob : blobs) {
    bytes.append(reinterpret_cast<const char*>(blob.digest.bytes.data()), sizeof(Digest));
    for (int shift = 0; shift < 64; shift += 8)
      bytes.push_back(static_cast<char>((blob.size >> shift) & 0xff));
  }
  return bytes;
}

Result<std::vector<TreeBlob>> decode_blobs(std::string_view bytes) {
  std::vector<TreeBlob> blobs;
  if (bytes.size() % kRow != 0)
    return fail(ErrorKind::kProtocol, "a list of blobs of {} bytes", bytes.size());
  for (; !bytes.empty(); bytes.remove_prefix(kRow)) {
    TreeBlob blob;
    bytes.copy(reinterpret_cast<char*>(blob.digest.bytes.data()), sizeof(Digest));
    for (std::size_t i = 0; i < 8; ++i) {
      const auto byte = static_cast<unsigned char>(bytes[sizeof(Digest) + i]);
      blob.size |= static_cast<std::uint64_t>(byte) << (8 * i);
    }
    blobs.push_back(blob);
  }
  return blobs;
}

}  // namespace leanto::node
