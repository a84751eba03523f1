// The user's code on this node: indexes of source trees, and the workspaces that workers run in.
//
// All of it is blocking work on files, which the loop's background thread does, one piece after the
// other.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "net/loop.h"
#include "os/shared_watch.h"
#include "store/blob_pack.h"
#include "store/blobs.h"
#include "store/source_index.h"
#include "store/tree_load.h"
#include "store/workspaces.h"
#include "wire/frame.h"

namespace leanto::node {

class CodeStore {
 public:
  static Result<std::unique_ptr<CodeStore>> open(net::Loop& loop, const Clock& clock,
                                                 const std::string& cache, SnapshotLimits limits);

  // The source tree as it is now.
  net::Task<Result<Snapshot>> snapshot(std::string root);
  // A directory with the snapshot laid out, kept until it's released.
  net::Task<Result<Workspace>> lay_out(std::string project, Digest snapshot);
  void release(std::string path);
  // A directory that a worker of an earlier daemon runs in, kept until it's released.
  net::Task<Status> take_back(std::string path);
  // While such workers may still come, theirs are not tidied away.
  void keep_all(bool kept) { keeps_all_ = kept; }
  // The snapshot as files of the caller's own, which he may change: `directory` isn't there yet.
  net::Task<Status> copy_out(Digest snapshot, std::string directory);
  // Between nodes (node/code_sender.h): which of the blobs aren't here; some of them in one piece;
  // and what came in one.
  net::Task<std::vector<Digest>> missing(std::vector<Digest> digests);
  net::Task<Result<std::string>> pack(std::vector<Digest> digests);
  net::Task<Status> unpack(wire::Body pack);
  // kSnapshot if the tree isn't here. Files may still be missing.
  net::Task<Result<TreePtr>> tree(Digest snapshot);
  // Soon, prepares what the next edit will need.
  void tidy();

 private:
  CodeStore(net::Loop& loop, const Clock& clock, BlobStore blobs, SnapshotLimits limits);

  struct Source {
    std::unique_ptr<FileWatch> watch;
    std::unique_ptr<SourceIndex> index;
  };
  Result<Snapshot> refresh(const std::string& root);
  Result<TreePtr> find_tree(const Digest& snapshot);
  net::Task<> tidy_later();

  net::Loop& loop_;
  const Clock& clock_;
  const SnapshotLimits limits_;
  bool tidy_planned_ = false;
  bool keeps_all_ = false;
  std::uint64_t uses_ = 0;  // snapshots and layouts asked for

  // Touched by the background thread only.
  BlobStore blobs_;
  SharedWatch watch_;
  std::unique_ptr<Workspaces> workspaces_;
  std::map<std::string, Source> sources_;
  std::map<Digest, TreePtr> trees_;  // of this daemon's life
};

}  // namespace leanto::node
