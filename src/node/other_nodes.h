// All that this node has to do with others: those that it dials, those that dial it, and the
// clusters that they are.
#pragma once

#include <memory>
#include <string>

#include "node/cluster_operations.h"
#include "node/door.h"
#include "node/links.h"

namespace leanto::node {

class OtherNodes {
 public:
  struct Parts {
    net::Loop& loop;
    net::Outgoing& outgoing;
    const Clock& clock;
    LedgerAccess& ledger;
    Provider& provider;
    CodeStore& code;
    std::string id;       // of this node
    std::string version;  // of leanto here
    std::string config_file;
    std::filesystem::path hosts_file;
    std::filesystem::path started_directory;  // node/started_nodes.h
    Peers::Dial dial;
    Orphans::Look look;
    std::function<std::vector<std::string>(const HostSpec& host)> ssh_command;
    std::function<std::optional<Digest>(const std::string& version)> snapshot_of;
    // Asks this node itself.
    std::function<net::Task<Result<Answer>>(Request request)> ask_here;
    // Serves a connection of whoever may do so much.
    std::function<void(UniqueFd socket, const Access& access)> serve;
    std::function<bool()> listens;  // whether other machines reach this node over TLS
  };
  explicit OtherNodes(Parts parts);

  const std::string& id() const { return parts_.id; }
  ClusterOperations& operations() { return operations_; }
  AcceptedLinks& accepted() { return accepted_; }
  Peers& peers() { return peers_; }

  // Joins a connection to the node of that name. Why it can't be is said there, as a node would.
  net::Task<> relay(std::string name, UniqueFd socket);
  // A connection to the node of that name, for what this node itself asks; see FarAttempt.
  net::Task<Result<std::shared_ptr<Asker>>> find_asker(std::string name, bool again);

 private:
  net::Task<Result<Transport>> dial(HostSpec host, OnProgress on_progress);
  net::Task<Status> join(std::string name, UniqueFd& socket);

  Parts parts_;
  StartedNodes started_;
  Peers peers_;
  OfferBook offers_;
  Clusters clusters_;
  Orphans orphans_;
  ClusterOperations operations_;
  AcceptedLinks accepted_;
};

// The id of the node whose state is in `directory`: drawn when it's first asked for, and kept
// there.
Result<std::string> node_id(const std::filesystem::path& directory);

}  // namespace leanto::node
