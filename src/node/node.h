// The daemon of a machine: builds the parts, hands them to each other by reference, and serves
// clients.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/clock.h"
#include "node/client.h"
#include "node/config.h"
#include "node/door.h"
#include "node/http_front.h"
#include "node/memory_limits.h"
#include "node/operations.h"
#include "node/other_nodes.h"
#include "node/slot_queue.h"
#include "node/ssh_dialler.h"
#include "node/survivors.h"
#include "node/tls_dialler.h"
#include "node/tls_port.h"
#include "node/token_uses.h"
#include "os/lock_file.h"
#include "os/xdg.h"
#include "provider/local.h"

namespace leanto::node {

struct NodeSettings {
  Directories directories;
  NodeConfig config;
  std::string version;
  std::string warm_python;  // an interpreter that will be needed at once; empty: not known
};

class Node final : public ClientRequests, public CallObserver {
 public:
  // Takes the state directory over and opens what is kept there. kAlreadyExists: another node runs
  // on it.
  static Result<std::unique_ptr<Node>> open(NodeSettings settings, const Clock& clock);
  ~Node() override;

  // Listens, calls `on_ready`, and serves until `stop` is asked for.
  Status run(const std::function<void()>& on_ready);
  void stop(NodeEnd how = NodeEnd::kWithRuns);

 private:
  Node(NodeSettings settings, const Clock& clock, LockFile lock, Ledger ledger, RunStore runs);
  Status open_parts();
  Status open_others();
  Status listen();
  Status listen_on_port(const TcpAddress& address);

  void on_hello(Client& client, const wire::Json& head) override;
  void on_call(const std::shared_ptr<Client>& client, std::uint32_t stream, std::string_view head,
               wire::Body body) override;
  void on_ask(const std::shared_ptr<Client>& client, std::uint32_t stream, std::string_view head,
              wire::Body body) override;
  void on_cancel(std::uint32_t call) override { calls_.cancel(call); }
  void on_credit(std::uint32_t call, std::string_view head) override { calls_.credit(call, head); }
  void on_gone(Client& client) override;
  Result<std::shared_ptr<net::FrameSink>> on_link(const std::shared_ptr<net::FrameStream>& stream,
                                                  const wire::Json& head,
                                                  const Access& access) override;
  Result<Access> check_token(std::string_view token) override;
  std::shared_ptr<void> watch_token(const std::string& id,
                                    std::function<void(const Error&)> on_end) override {
    return token_uses_.add(id, std::move(on_end));
  }

  void on_output(const ServiceSpec& service, std::uint32_t call, OutputStream stream,
                 std::string_view text) override;
  void on_imports(const ServiceSpec& service, const wire::Json& modules) override;
  void on_object_ended(const std::string& object_id, const Error& reason) override;

  net::Task<wire::Json> report_status();
  net::Task<Status> start_one(TargetPtr target);
  net::Task<> answer(std::shared_ptr<Client> client, std::uint32_t stream, Request request);
  void say_access(wire::Json& answer, const Access& access) const;
  static Status allow_call(const Access& access, const wire::CallHead& head);
  void keep_result(Call& call, const std::string& session);
  Result<wire::CallHead> parse_head(std::string_view head);
  Result<TargetPtr> find_target(const wire::CallHead& head);
  Result<ServicePtr> find_service(const wire::CallHead& head);

  const NodeSettings settings_;
  const Clock& clock_;
  LockFile lock_;
  Ledger ledger_;
  RunStore run_store_;
  NodeFacts facts_;
  net::Loop loop_;
  net::Outgoing outgoing_;
  LedgerAccess ledger_access_;
  SystemCgroupFiles cgroup_files_;
  MemoryLimits memory_;
  SlotQueue slots_;
  Calls calls_;
  Registry registry_;
  Tokens tokens_;
  Tickets tickets_;
  TokenUses token_uses_;
  ServiceLog log_;
  RunJournal run_journal_;
  RunLogs run_logs_;
  Zygotes zygotes_;
  ValueBudget value_budget_;
  Segments segments_;
  KeptValues kept_;
  Secrets secrets_;
  LocalProvider provider_;
  Interpreters interpreters_;
  SshDialler ssh_;
  TlsDialler tls_;
  DirectFetcher fetcher_;
  // Made in `open_parts`, in this order.
  std::unique_ptr<CodeStore> code_;
  std::unique_ptr<Images> images_;
  std::unique_ptr<Launcher> launcher_;
  std::unique_ptr<Objects> objects_;
  std::unique_ptr<Runs> runs_;
  std::unique_ptr<Survivors> survivors_;
  std::unique_ptr<Reloader> reloader_;
  std::unique_ptr<Restarter> restarter_;
  std::unique_ptr<OtherNodes> others_;
  std::unique_ptr<Autostop> autostop_;
  std::unique_ptr<Operations> operations_;
  std::unique_ptr<HttpFront> http_;
  std::unique_ptr<Door> door_;
  std::unique_ptr<TlsPort> tls_port_;  // if it listens where other machines reach it

  struct HeadHash : std::hash<std::string_view> {
    using is_transparent = void;
  };
  std::unordered_map<std::string, wire::CallHead, HeadHash, std::equal_to<>> heads_;
  std::unordered_map<std::string, int> sessions_;  // how many connections each has
};

}  // namespace leanto::node
