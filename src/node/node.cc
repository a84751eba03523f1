#include "node/node.h"

#include <sys/random.h>
#include <unistd.h>

#include <cstdlib>
#include <exception>
#include <utility>

#include "base/usable_cpus.h"
#include "node/capacity.h"
#include "node/python_package.h"
#include "node/run_share.h"
#include "os/cgroup.h"
#include "os/failpoint.h"
#include "os/gpus.h"
#include "os/machine.h"
#include "os/tcp_socket.h"
#include "os/unix_socket.h"

namespace leanto::node {

namespace {

constexpr Duration kImageBuildLimit = std::chrono::hours(2);

std::string host_name() {
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 ? name : "here";
}

// Those of two lives of the daemon shall hardly ever meet in one worker.
std::uint32_t first_call_number() {
  std::uint32_t number = 0;
  (void)::getrandom(&number, sizeof number, 0);
  return number;
}

NodeFacts gather_facts(const NodeSettings& settings, const Clock& clock) {
  return {settings.version,
          settings.directories.socket().string(),
          settings.directories.state.string(),
          settings.directories.node_config().string(),
          describe(detect_cgroups(SystemKernelFiles())),
          "",
          clock.monotonic()};
}

Result<Machine> read_this_machine() {
  const SystemKernelFiles files;
  return read_machine(files, detect_cgroups(files), usable_cpus());
}

NodeSlots find_slots(const NodeConfig& config) {
  const char* const visible = std::getenv("CUDA_VISIBLE_DEVICES");
  return node_slots(read_this_machine().value_or(Machine()), config.accelerators, find_gpus(),
                    visible == nullptr ? std::nullopt : std::optional<std::string>(visible));
}

LocalProvider make_provider(const NodeConfig& config, const SlotQueue& slots) {
  auto in_use = [&slots] { return resources_in_use(slots.slots()); };
  return LocalProvider(
      {"here", host_name(), accelerator_counts(slots.slots().all().gpus), config.price_per_hour},
      read_this_machine, in_use);
}

ValueBudget::Limits value_limits(const ValuesConfig& config, const std::filesystem::path& state) {
  ValueBudget::Limits limits{config.memory_bytes.value_or(0), 0, state / "values"};
  if (!config.memory_bytes) {
    const Result<Machine> machine = read_this_machine();
    if (machine) limits.memory = machine->memory_bytes / 4;
  }
  if (config.over_memory == OverMemory::kRefused) return limits;
  std::error_code error;
  const std::filesystem::space_info disk = std::filesystem::space(state, error);
  limits.disk = config.disk_bytes.value_or(error ? 0 : disk.available / 2);
  return limits;
}

void log_defect(std::string_view task, std::string_view what) {
  fmt::print(stderr, "defect: the task '{}' threw: {}\n", task, what);
}

}  // namespace

Result<std::unique_ptr<Node>> Node::open(NodeSettings settings, const Clock& clock) {
  if (Status made = create_directories(settings.directories); !made) return Failure(made.error());
  Result<LockAttempt> attempt = LockFile::try_take(settings.directories.state / "node.lock");
  if (!attempt) return Failure(attempt.error());
  if (!attempt->lock) {
    return fail(ErrorKind::kAlreadyExists, "a node with process id {} runs on {} already",
                attempt->holder, settings.directories.state.string());
  }
  if (Status armed = LEANTO_FAILPOINTS_ARM(); !armed) return Failure(armed.error());
  Result<Ledger> ledger = Ledger::open(settings.directories.state / "ledger.sqlite");
  if (!ledger) return Failure(ledger.error());
  Result<RunStore> runs = RunStore::open(settings.directories.state / "runs.sqlite",
                                         settings.directories.state / "runs");
  if (!runs) return Failure(runs.error());
  std::unique_ptr<Node> node(new Node(std::move(settings), clock, *std::move(attempt->lock),
                                      *std::move(ledger), *std::move(runs)));
  if (Status opened = node->open_parts(); !opened) return Failure(opened.error());
  return node;
}

Node::Node(NodeSettings settings, const Clock& clock, LockFile lock, Ledger ledger, RunStore runs)
    : settings_(std::move(settings)),
      clock_(clock),
      lock_(std::move(lock)),
      ledger_(std::move(ledger)),
      run_store_(std::move(runs)),
      facts_(gather_facts(settings_, clock)),
      loop_(log_defect),
      outgoing_(loop_),
      ledger_access_(loop_, ledger_),
      memory_(make_memory_limits(loop_, cgroup_files_, settings_.config.memory_limits,
                                 (settings_.directories.state / "cgroup").string())),
      slots_(loop_, find_slots(settings_.config)),
      calls_(loop_, *this),
      registry_(ledger_access_, clock),
      tokens_(ledger_access_, clock),
      tickets_(clock),
      token_uses_(loop_, tokens_),
      log_(loop_, clock, (settings_.directories.state / "logs").string(),
           settings_.config.max_log_bytes),
      run_journal_(loop_, run_store_),
      run_logs_(loop_, clock, (settings_.directories.state / "runs").string(),
                settings_.config.max_log_bytes),
      zygotes_(
          loop_, ledger_access_,
          {package_directory(settings_.directories).string(), lifeline_of(settings_.directories)},
          (settings_.directories.state / "node.log").string()),
      value_budget_(value_limits(settings_.config.values, settings_.directories.state)),
      segments_(loop_, clock, value_budget_),
      kept_(segments_, value_budget_, clock),
      provider_(make_provider(settings_.config, slots_)),
      interpreters_(directories_of_path()),
      ssh_(loop_, settings_.config.ssh_command, settings_.directories.cache),
      tls_(loop_),
      fetcher_({loop_, outgoing_, tls_, settings_.version}) {}

Node::~Node() = default;

Status Node::open_parts() {
  const auto& directories = settings_.directories;
  for (const auto& directory :
       {directories.state / "logs", directories.state / "values",
        std::filesystem::path(lifeline_of(directories)), directories.cache / "blobs",
        directories.cache / "workspaces", directories.cache / "images"}) {
    if (Status made = create_private_directory(directory); !made) return made;
  }
  if (Status unpacked = unpack_python_package(settings_.directories); !unpacked) return unpacked;
  const std::set<pid_t> survivors = Survivors::find_zygotes(lifeline_of(directories));
  // It takes longer to start than all that follows.
  if (!settings_.warm_python.empty()) zygotes_.warm({settings_.warm_python, {}});
  auto code = CodeStore::open(loop_, clock_, settings_.directories.cache.string(),
                              settings_.config.snapshots);
  if (!code) return Failure(code.error());
  code_ = *std::move(code);
  images_ = std::make_unique<Images>(
      Images::Parts{loop_, ledger_access_, *code_, clock_, (directories.cache / "images").string(),
                    package_directory(settings_.directories).string(), kImageBuildLimit});
  launcher_ = std::make_unique<Launcher>(
      Launcher::Parts{loop_, outgoing_, calls_, *code_, zygotes_, *images_, secrets_, clock_,
                      slots_, memory_, settings_.config.worker_idle_timeout});
  calls_.set_starter(*launcher_);
  calls_.begin_numbers_at(first_call_number());
  objects_ =
      std::make_unique<Objects>(Objects::Parts{loop_, calls_, *launcher_, ledger_access_, clock_});
  runs_ = std::make_unique<Runs>(
      Runs::Parts{loop_, clock_, calls_, run_journal_, run_logs_,
                  [this](const wire::CallHead& head) { return find_target(head); }, host_name(),
                  RunLimits{settings_.config.runs, settings_.config.max_run_value_bytes},
                  [this](const TargetPtr& target, std::uint64_t memory) {
                    return launcher_->resized(target, memory);
                  },
                  [this](const SlotAsk& ask) {
                    return share_of(ask, slots_.slots().all(), settings_.config.price_per_hour);
                  },
                  [this](std::string node, bool again) {
                    return others_->find_asker(std::move(node), again);
                  }});
  reloader_ = std::make_unique<Reloader>(Reloader::Parts{loop_, *code_, *objects_});
  restarter_ = std::make_unique<Restarter>(Restarter::Parts{
      calls_, clock_, [this](const std::string& python) { zygotes_.renew_all(python); },
      [this](TargetPtr target) { return start_one(std::move(target)); }});
  if (Status opened = open_others(); !opened) return opened;
  autostop_ = std::make_unique<Autostop>(
      Autostop::Parts{loop_, clock_, directories.state / "autostop",
                      [this] { return !calls_.idle() || !runs_->idle(); }, [this] { stop(); }});
  operations_ = std::make_unique<Operations>(Operations::Parts{loop_,
                                                               clock_,
                                                               calls_,
                                                               *code_,
                                                               *launcher_,
                                                               ledger_access_,
                                                               *objects_,
                                                               registry_,
                                                               tokens_,
                                                               tickets_,
                                                               *runs_,
                                                               log_,
                                                               slots_,
                                                               memory_,
                                                               zygotes_,
                                                               value_budget_,
                                                               segments_,
                                                               kept_,
                                                               fetcher_,

                                                               *images_,
                                                               secrets_,
                                                               *reloader_,
                                                               *restarter_,
                                                               others_->operations(),
                                                               interpreters_,
                                                               *autostop_,
                                                               facts_,
                                                               [this](NodeEnd how) { stop(how); }});
  images_->tidy();
  auto target_of = [this](const ServicePtr& service) { return launcher_->target_of(service); };
  auto status = [this] { return report_status(); };
  http_ = std::make_unique<HttpFront>(
      HttpFront::Parts{loop_, calls_, registry_, *objects_, target_of, status, token_uses_},
      HttpAccess(tokens_, settings_.config.http.origins, host_name()));
  door_ = std::make_unique<Door>(Door::Parts{loop_, outgoing_, *this, *http_,
                                             [this](std::string name, UniqueFd socket) {
                                               return others_->relay(std::move(name),
                                                                     std::move(socket));
                                             },
                                             settings_.config.max_frame_bytes});
  if (Status restored = tokens_.restore(ledger_); !restored) return restored;
  if (Status restored = registry_.restore(ledger_); !restored) return restored;
  for (const Registry::Row& row : registry_.rows()) forget_variables(row.service->secrets);
  if (Status restored = objects_->restore(ledger_); !restored) return restored;
  survivors_ = std::make_unique<Survivors>(
      Survivors::Parts{loop_, clock_, calls_, *launcher_, zygotes_, *objects_, registry_, *runs_,
                       slots_, *code_, lifeline_of(directories)},
      survivors);
  const auto workers = survivors.empty() ? Runs::Workers::kAreGone : Runs::Workers::kMayComeBack;
  return runs_->recover(run_store_, workers);
}

Status Node::open_others() {
  const Result<std::string> id = node_id(settings_.directories.state);
  if (!id) return Failure(id.error());
  facts_.id = *id;
  auto snapshot_of = [this](const std::string& version) -> std::optional<Digest> {
    const ServicePtr sender = operations_->find_sender(version);
    return sender ? sender->snapshot : std::nullopt;
  };
  others_ = std::make_unique<OtherNodes>(OtherNodes::Parts{
      loop_, outgoing_, clock_, ledger_access_, provider_, *code_, *id, settings_.version,
      settings_.directories.node_config().string(), settings_.directories.config / "hosts.toml",
      settings_.directories.state / "started",
      [this](const HostSpec& host, OnProgress on_progress) {
        return host.is_direct() ? tls_.dial(host, std::move(on_progress))
                                : ssh_.dial(host, std::move(on_progress));
      },
      [this](const HostSpec& host) { return ssh_.look(host); },
      [this](const HostSpec& host) { return ssh_.command_for_people(host); },
      std::move(snapshot_of),
      [this](Request request) { return operations_->run(std::move(request)); },
      [this](UniqueFd socket, const Access& access) { door_->serve(socket.release(), access); },
      [this] { return !facts_.tls.fingerprint.empty(); }});
  return {};
}

net::Task<Status> Node::start_one(TargetPtr target) {
  const Result<wire::Json> offers = co_await launcher_->ensure(target);
  if (!offers) co_return Failure(offers.error());
  if (target->must_keep_more()) launcher_->keep_minimum(target);
  co_return Status();
}

Status Node::run(const std::function<void()>& on_ready) {
  if (Status listens = listen(); !listens) return listens;
  on_ready();
  loop_.run();
  ::unlink(settings_.directories.socket().c_str());
  return {};
}

// The port first: a program that finds the Unix socket finds a node that is whole.
Status Node::listen() {
  if (const auto& address = settings_.config.http.listen) {
    if (Status listens = listen_on_port(*address); !listens) return listens;
  }
  if (Status listens = survivors_->listen(); !listens) return listens;
  Result<UniqueFd> listener = listen_unix(settings_.directories.socket());
  if (!listener) return Failure(listener.error());
  loop_.spawn("accept", door_->accept(*std::move(listener), net::HttpVia::kUnixSocket));
  return {};
}

// An address that other machines can reach is only for TLS.
Status Node::listen_on_port(const TcpAddress& address) {
  Result<UniqueFd> port = listen_tcp(address);
  if (!port) return Failure(port.error());
  const Result<TcpAddress> bound = local_address(port->get());
  if (!bound) return Failure(bound.error());
  if (address.is_loopback()) {
    facts_.http = bound->text();
    loop_.spawn("accept http", door_->accept(*std::move(port), net::HttpVia::kTcp));
    return {};
  }
  const std::filesystem::path file = settings_.directories.state / "tls.pem";
  const Result<net::TlsIdentity> identity = own_tls_identity(file);
  if (!identity) return Failure(identity.error());
  Result<net::TlsContext> context = net::TlsContext::server(*identity);
  if (!context) return Failure(context.error());
  auto serve = [this](net::Connection connection) {
    door_->serve(std::move(connection), Access::stranger());
  };
  tls_port_ = std::make_unique<TlsPort>(TlsPort::Parts{loop_, *std::move(context), serve});
  facts_.tls = {*bound, identity->fingerprint};
  loop_.spawn("accept tls", tls_port_->accept(*std::move(port)));
  return {};
}

// With runs that go on, it ends as if it were killed, but for what is on its way to the disk.
void Node::stop(NodeEnd how) {
  if (how == NodeEnd::kRunsGoOn) {
    auto leave = [](Node& node) -> net::Task<> {
      co_await node.log_.flush();
      co_await node.runs_->settle();
      node.loop_.stop();
    };
    return loop_.spawn("leave", leave(*this));
  }
  ::unlink(settings_.directories.socket().c_str());
  auto end = [](Node& node) -> net::Task<> {
    node.others_->peers().close_all();
    node.others_->accepted().end_all();
    co_await node.runs_->stop();
    co_await node.log_.flush();
    node.zygotes_.end_all();
    node.loop_.stop();
  };
  loop_.spawn("stop", end(*this));
}

net::Task<wire::Json> Node::report_status() {
  Request request{{{"op", "status"}}, {}, {}, Access::owner()};
  Result<Answer> answer = co_await operations_->run(std::move(request));
  co_return answer ? std::move(answer->head) : wire::error_to_json(answer.error());
}

}  // namespace leanto::node
