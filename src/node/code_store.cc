#include "node/code_store.h"

#include <chrono>

#include "store/copy_out.h"

namespace leanto::node {

using namespace std::chrono_literals;

namespace {

// Nobody waits for it, and an edit that comes meanwhile would: so not while somebody edits.
constexpr Duration kTidyDelay = 300ms;

std::unique_ptr<FileWatch> watch_or_none() {
  Result<std::unique_ptr<FileWatch>> watch = make_file_watch();
  return watch ? *std::move(watch) : make_absent_watch();
}

}  // namespace

Result<std::unique_ptr<CodeStore>> CodeStore::open(net::Loop& loop, const Clock& clock,
                                                   const std::string& cache,
                                                   SnapshotLimits limits) {
  Result<BlobStore> blobs = BlobStore::open(cache + "/blobs");
  if (!blobs) return Failure(blobs.error());
  std::unique_ptr<CodeStore> store(new CodeStore(loop, clock, *std::move(blobs), limits));
  Result<std::unique_ptr<Workspaces>> workspaces =
      Workspaces::open(cache + "/workspaces", store->blobs_);
  if (!workspaces) return Failure(workspaces.error());
  store->workspaces_ = *std::move(workspaces);
  return store;
}

CodeStore::CodeStore(net::Loop& loop, const Clock& clock, BlobStore blobs, SnapshotLimits limits)
    : loop_(loop),
      clock_(clock),
      limits_(limits),
      blobs_(std::move(blobs)),
      watch_(watch_or_none()) {}

net::Task<Result<Snapshot>> CodeStore::snapshot(std::string root) {
  ++uses_;
  auto work = [this, root = std::move(root)] { return refresh(root); };
  co_return co_await loop_.in_background(std::move(work));
}

Result<Snapshot> CodeStore::refresh(const std::string& root) {
  Source& source = sources_[root];
  if (!source.index) {
    source.watch = watch_.open();
    source.index = std::make_unique<SourceIndex>(root, blobs_, *source.watch, clock_, limits_);
  }
  Result<Snapshot> snapshot = source.index->refresh();
  if (snapshot) trees_[snapshot->digest] = snapshot->tree;
  return snapshot;
}

net::Task<Result<Workspace>> CodeStore::lay_out(std::string project, Digest snapshot) {
  auto work = [this, project = std::move(project), snapshot]() -> Result<Workspace> {
    const Result<TreePtr> tree = find_tree(snapshot);
    if (!tree) return Failure(tree.error());
    return workspaces_->acquire(project, *tree);
  };
  co_return co_await loop_.in_background(std::move(work));
}

net::Task<Status> CodeStore::copy_out(Digest snapshot, std::string directory) {
  auto work = [this, snapshot, directory = std::move(directory)]() -> Status {
    const Result<TreePtr> tree = find_tree(snapshot);
    return tree ? leanto::copy_out(blobs_, directory, **tree) : Status(Failure(tree.error()));
  };
  co_return co_await loop_.in_background(std::move(work));
}

Result<TreePtr> CodeStore::find_tree(const Digest& snapshot) {
  if (const auto found = trees_.find(snapshot); found != trees_.end()) return found->second;
  Result<TreePtr> tree = load_tree(blobs_, snapshot);
  if (!tree) {
    return fail(ErrorKind::kSnapshot,
                "the code of snapshot {} is not here any more; send it again with .to()",
                snapshot.hex().substr(0, 12));
  }
  trees_[snapshot] = *tree;
  return tree;
}

net::Task<Status> CodeStore::take_back(std::string path) {
  auto work = [this, path = std::move(path)]() -> Status {
    const Result<Workspace> taken = workspaces_->adopt(path);
    return taken ? Status() : Status(Failure(taken.error()));
  };
  co_return co_await loop_.in_background(std::move(work));
}

net::Task<std::vector<Digest>> CodeStore::missing(std::vector<Digest> digests) {
  auto work = [this, digests = std::move(digests)] {
    std::vector<Digest> found;
    for (const Digest& digest : digests) {
      if (!blobs_.contains(digest)) found.push_back(digest);
    }
    return found;
  };
  co_return co_await loop_.in_background(std::move(work));
}

net::Task<Result<std::string>> CodeStore::pack(std::vector<Digest> digests) {
  auto work = [this, digests = std::move(digests)] { return pack_blobs(blobs_, digests); };
  co_return co_await loop_.in_background(std::move(work));
}

net::Task<Status> CodeStore::unpack(wire::Body pack) {
  auto work = [this, pack = std::move(pack)] { return unpack_blobs(blobs_, pack.view()); };
  co_return co_await loop_.in_background(std::move(work));
}

net::Task<Result<TreePtr>> CodeStore::tree(Digest snapshot) {
  auto work = [this, snapshot] { return find_tree(snapshot); };
  co_return co_await loop_.in_background(std::move(work));
}

void CodeStore::release(std::string path) {
  auto give_up = [](CodeStore& store, std::string released) -> net::Task<> {
    auto work = [&store, released] {
      store.workspaces_->release(released);
      return true;
    };
    co_await store.loop_.in_background(std::move(work));
    co_await store.tidy_later();
  };
  loop_.spawn("release a workspace", give_up(*this, std::move(path)));
}

void CodeStore::tidy() { loop_.spawn("tidy workspaces", tidy_later()); }

net::Task<> CodeStore::tidy_later() {
  if (tidy_planned_) co_return;
  tidy_planned_ = true;
  std::uint64_t before = 0;
  do {
    before = uses_;
    co_await loop_.sleep(kTidyDelay);
  } while (before != uses_ || keeps_all_);
  tidy_planned_ = false;
  // Step by step, so that whoever deploys meanwhile waits for one step at most.
  Result<Tidied> tidied = Tidied::kMoreToDo;
  while (tidied && *tidied == Tidied::kMoreToDo) {
    auto work = [this] { return workspaces_->tidy(); };
    tidied = co_await loop_.in_background(std::move(work));
  }
}

}  // namespace leanto::node
