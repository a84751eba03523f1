// What can be asked of a node (docs/wire.md, "Operations"): one function each, from a request to an
// answer.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>

#include "node/calls.h"
#include "node/cluster_operations.h"
#include "node/code_store.h"
#include "node/direct_fetcher.h"
#include "node/host_operations.h"
#include "node/interpreters.h"
#include "node/kept_values.h"
#include "node/launcher.h"
#include "node/objects.h"
#include "node/registry.h"
#include "node/reloader.h"
#include "node/request.h"
#include "node/restarter.h"
#include "node/runs.h"
#include "node/segments.h"
#include "node/service_log.h"
#include "node/tickets.h"
#include "node/tokens.h"
#include "node/zygotes.h"
#include "os/tcp_socket.h"

namespace leanto::node {

// How other machines reach the daemon, if they do.
struct TlsFacts {
  TcpAddress address;
  std::string fingerprint;  // empty: they don't

  // On all addresses that this machine has.
  bool is_any() const { return address.host == "0.0.0.0" || address.host == "::"; }
};

// What `status` says about the daemon itself.
struct NodeFacts {
  std::string version;
  std::string socket;
  std::string state_directory;
  std::string config_file;
  std::string cgroups;
  std::string http;  // where it listens for HTTP besides the Unix socket; empty: nowhere
  MonotonicTime started;
  TlsFacts tls{};
  std::string id{};  // of the node
};

// Who asks, as it goes on record of a run (JSON).
std::string caller_of(const Request& request);
// The answer to a submission.
wire::Json to_json(const Runs::Submitted& submitted);

// What becomes of runs when the node ends: they end too, or their workers wait for the next node.
enum class NodeEnd { kWithRuns, kRunsGoOn };

class Operations {
 public:
  struct Parts {
    net::Loop& loop;
    const Clock& clock;
    Calls& calls;
    CodeStore& code;
    Launcher& launcher;
    LedgerAccess& ledger;
    Objects& objects;
    Registry& registry;
    Tokens& tokens;
    Tickets& tickets;
    Runs& runs;
    ServiceLog& log;
    const SlotQueue& slots;
    const MemoryLimits& memory;
    Zygotes& zygotes;
    ValueBudget& value_budget;
    Segments& segments;
    KeptValues& kept;
    DirectFetcher& fetcher;
    Images& images;
    Secrets& secrets;
    Reloader& reloader;
    Restarter& restarter;
    ClusterOperations& clusters;
    Interpreters& interpreters;
    Autostop& autostop;
    const NodeFacts& facts;
    std::function<void(NodeEnd)> stop;
  };
  explicit Operations(Parts parts);

  net::Task<Result<Answer>> run(Request request);

  // The service at a version that a worker runs, also while that is still importing.
  ServicePtr find_sender(const std::string& version) const;

 private:
  using Operation = net::Task<Result<Answer>> (Operations::*)(Request& request);

  net::Task<Result<Answer>> deploy(Request& request);
  net::Task<Result<Answer>> lookup(Request& request);
  net::Task<Result<Answer>> save(Request& request);
  net::Task<Result<Answer>> put(Request& request);
  net::Task<Result<Answer>> get(Request& request);
  net::Task<Result<Answer>> keys(Request& request);
  net::Task<Result<Answer>> remove(Request& request);
  net::Task<Result<Answer>> rename(Request& request);
  net::Task<Result<Answer>> fetch(Request& request);
  net::Task<Result<Answer>> keep(Request& request);
  net::Task<Result<Answer>> release(Request& request);
  net::Task<Result<Answer>> value_ticket(Request& request);
  net::Task<Result<Answer>> take_value(Request& request);
  net::Task<Result<Answer>> tree_ticket(Request& request);
  net::Task<Result<Answer>> take_tree(Request& request);
  Result<wire::Json> direct_way_for(Ticket what);
  net::Task<Result<Answer>> submit(Request& request);
  net::Task<Result<Answer>> run_replay(Request& request);
  net::Task<Result<Answer>> run_recall(Request& request);
  Result<Answer> recall_code(const std::string& version) const;
  net::Task<Result<Runs::Recalled>> recall_to_debug(Request& request);
  net::Task<Result<Answer>> run_debug(Request& request);
  net::Task<Result<Answer>> run_record(Request& request);
  net::Task<Result<Answer>> runs(Request& request);
  net::Task<Result<Answer>> prune_runs(Request& request);
  net::Task<Result<Answer>> run_wait(Request& request);
  net::Task<Result<Answer>> run_result(Request& request);
  net::Task<Result<Answer>> run_logs(Request& request);
  net::Task<Result<Answer>> run_cancel(Request& request);
  net::Task<Result<Answer>> segment(Request& request);
  net::Task<Result<Answer>> close_segment(Request& request);
  net::Task<Result<Answer>> status(Request& request);
  net::Task<Result<Answer>> list(Request& request);
  net::Task<Result<Answer>> objects(Request& request);
  net::Task<Result<Answer>> restart(Request& request);
  net::Task<Result<Answer>> logs(Request& request);
  net::Task<Result<Answer>> images(Request& request);
  net::Task<Result<Answer>> prune_images(Request& request);
  net::Task<Result<Answer>> stop(Request& request);
  net::Task<Result<Answer>> token_create(Request& request);
  net::Task<Result<Answer>> token_list(Request& request);
  net::Task<Result<Answer>> token_revoke(Request& request);

  Result<Answer> keep_for(const Request& request, const wire::Json& said, const wire::Body& body);
  void add_waiting(const std::string& run, wire::Json& said) const;
  Status take_secrets(const Request& request, ServiceSpec& spec);
  void inherit_image(const Request& request, ServiceSpec& spec);
  net::Task<Result<ImageUsePtr>> prepare_image(const Request& request, ServiceSpec& spec);
  net::Task<Result<Digest>> find_snapshot(const Request& request, const ServiceSpec& spec);
  net::Task<Result<ServicePtr>> make_known(ServiceSpec spec, wire::Json describe, Naming naming);
  void retire_former(const ServiceSpec& former);

  Parts parts_;
  HostOperations host_;
  std::unordered_map<std::string, Operation> operations_;
};

}  // namespace leanto::node
