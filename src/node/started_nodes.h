// The hosts on which this node has started others: written down before it starts one, and struck
// out when that was ended. What is left after a crash, or after the cluster was forgotten, is where
// to look for nodes that nobody thinks of any more.
//
// One file for each host, so that nothing has to be read before it's written.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "net/loop.h"
#include "node/cluster_spec.h"

namespace leanto::node {

class StartedNodes {
 public:
  struct Record {
    HostSpec host;
    std::int64_t started_at = 0;  // ms since 1970: the last time that it may have been started
  };

  StartedNodes(net::Loop& loop, const Clock& clock, std::filesystem::path directory)
      : loop_(loop), clock_(clock), directory_(std::move(directory)) {}

  // After it, it's on disk. Not for hosts that are reached directly: nobody starts a node there.
  net::Task<Status> note(HostSpec host);
  // No node of ours runs there any more. Not there: nothing to do.
  net::Task<Status> clear(HostSpec host);
  // A file that makes no sense is passed over.
  net::Task<Result<std::vector<Record>>> all();

 private:
  std::filesystem::path file_of(const HostSpec& host) const;

  net::Loop& loop_;
  const Clock& clock_;
  const std::filesystem::path directory_;
};

}  // namespace leanto::node
