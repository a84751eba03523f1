// What can be asked of a node about other nodes: clusters, and code that is sent there
// (docs/wire.md, "Operations").
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "node/clusters.h"
#include "node/code_sender.h"
#include "node/orphans.h"
#include "node/request.h"
#include "node/value_moves.h"

namespace leanto::node {

class ClusterOperations {
 public:
  struct Parts {
    net::Loop& loop;
    const Clock& clock;
    CodeStore& code;
    Clusters& clusters;
    Peers& peers;
    StartedNodes& started;
    Orphans& orphans;
    // Asks this node itself.
    std::function<net::Task<Result<Answer>>(Request request)> ask_here;
    // What a person types to log in to a host.
    std::function<std::vector<std::string>(const HostSpec& host)> ssh_command;
    // The code that a worker here runs, by its version, for what it sends on.
    std::function<std::optional<Digest>(const std::string& version)> snapshot_of;
  };
  explicit ClusterOperations(Parts parts);

  bool knows(std::string_view op) const { return operations_.contains(std::string(op)); }
  net::Task<Result<Answer>> run(const std::string& op, Request& request);

  const ValueMoves& moves() const { return moves_; }

  // A deploy to another node, named by `to` in its head.
  net::Task<Result<Answer>> deploy(Request& request);

  // A run of `from`, or of whoever has it, called again: as a run of `to` (absent: where it is), or
  // in a process here that gets what a worker would get.
  net::Task<Result<Answer>> replay(Request& request);
  net::Task<Result<Answer>> debug(Request& request);

 private:
  using Operation = net::Task<Result<Answer>> (ClusterOperations::*)(Request& request);

  net::Task<Result<Answer>> cluster(Request& request);
  net::Task<Result<Answer>> clusters(Request& request);
  net::Task<Result<Answer>> offer(Request& request);
  net::Task<Result<Answer>> offers(Request& request);
  net::Task<Result<Answer>> up(Request& request);
  net::Task<Result<Answer>> down(Request& request);
  net::Task<Result<Answer>> forget(Request& request);
  net::Task<Result<Answer>> orphans(Request& request);
  net::Task<Result<Answer>> node_state(Request& request);
  net::Task<Result<Answer>> ssh_command(Request& request);
  net::Task<Result<Answer>> move_value(Request& request);
  net::Task<Result<Answer>> missing_blobs(Request& request);
  net::Task<Result<Answer>> put_blobs(Request& request);
  net::Task<Result<Answer>> tree_blobs(Request& request);
  net::Task<Result<Answer>> get_blobs(Request& request);

  struct ValueMove {
    std::string id;
    std::string from;  // names of nodes; empty: this one
    std::string to;
    std::string session;
  };
  struct Moved {
    std::optional<Answer> kept;
    std::string why_not;  // if it isn't
  };
  net::Task<Result<Moved>> move_directly(ValueMove move);
  net::Task<Result<Answer>> move_by_way_of_here(ValueMove move);
  net::Task<Result<std::string>> find_why_not(std::string from, std::string to);
  net::Task<wire::Json> as_reached_from_here(wire::Json way, std::string node);
  bool can_share(const std::string& from, const std::string& to);
  net::Task<bool> share_tree(std::string from, std::string to, Digest tree);

  // What a run called, as `run_recall` says it.
  struct Recalled {
    wire::Json head;
    std::string values;
    std::string arguments;
    std::string code_at;  // the name of the node that has the code; empty: this one
  };
  net::Task<Result<std::string>> find_run(const wire::Json& head);
  net::Task<Result<Recalled>> recall(std::string node, std::string id);
  net::Task<Status> recall_code(Recalled& recalled);
  net::Task<Result<std::string>> bring(Recalled recalled, std::string to, OnProgress on_progress);

  net::Task<Result<Answer>> ask_node(std::string name, wire::Json question, wire::Body body);
  net::Task<Result<std::vector<CodeSender::Needed>>> find_needed(const Request& request,
                                                                 wire::Json& words);

  Parts parts_;
  CodeSender sender_;
  ValueMoves moves_;
  std::unordered_map<std::string, Operation> operations_;
};

}  // namespace leanto::node
