#include "node/node.h"

#include <sys/random.h>
#include <unistd.h>

#include <cstdlib>
#include <exception>
#include <utility>

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

using wire::FrameType;

namespace {

constexpr std::size_t kMaxHeads = 4096;
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

Result<ServicePtr> no_version(const std::string& version) {
  return fail(ErrorKind::kNotFound,
              "version {} is not known here any more; send it again with .to()", version);
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
      provider_(make_provider(settings_.config, slots_)) {}

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
                  }});
  reloader_ = std::make_unique<Reloader>(Reloader::Parts{loop_, *code_, *objects_});
  restarter_ = std::make_unique<Restarter>(Restarter::Parts{
      calls_, clock_, [this](const std::string& python) { zygotes_.renew_all(python); },
      [this](TargetPtr target) { return start_one(std::move(target)); }});
  operations_ = std::make_unique<Operations>(Operations::Parts{
      loop_,     clock_,     calls_,        *code_,    *launcher_, ledger_access_,
      *objects_, registry_,  tokens_,       *runs_,    log_,       slots_,
      memory_,   zygotes_,   value_budget_, segments_, kept_,      *images_,
      secrets_,  *reloader_, *restarter_,   provider_, facts_,     [this] { stop(); }});
  images_->tidy();
  auto target_of = [this](const ServicePtr& service) { return launcher_->target_of(service); };
  auto status = [this] { return report_status(); };
  http_ = std::make_unique<HttpFront>(
      HttpFront::Parts{loop_, calls_, registry_, *objects_, target_of, status},
      HttpAccess(tokens_, settings_.config.http.origins));
  door_ = std::make_unique<Door>(
      Door::Parts{loop_, outgoing_, *this, *http_, settings_.config.max_frame_bytes});
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
    Result<UniqueFd> port = listen_tcp(*address);
    if (!port) return Failure(port.error());
    const Result<TcpAddress> bound = local_address(port->get());
    if (!bound) return Failure(bound.error());
    facts_.http = bound->text();
    loop_.spawn("accept http", door_->accept(*std::move(port), net::HttpVia::kTcp));
  }
  if (Status listens = survivors_->listen(); !listens) return listens;
  Result<UniqueFd> listener = listen_unix(settings_.directories.socket());
  if (!listener) return Failure(listener.error());
  loop_.spawn("accept", door_->accept(*std::move(listener), net::HttpVia::kUnixSocket));
  return {};
}

void Node::stop() {
  ::unlink(settings_.directories.socket().c_str());
  auto end = [](Node& node) -> net::Task<> {
    co_await node.runs_->stop();
    co_await node.log_.flush();
    node.zygotes_.end_all();
    node.loop_.stop();
  };
  loop_.spawn("stop", end(*this));
}

net::Task<wire::Json> Node::report_status() {
  Request request{{{"op", "status"}}, {}, {}};
  Result<Answer> answer = co_await operations_->run(std::move(request));
  co_return answer ? std::move(answer->head) : wire::error_to_json(answer.error());
}

void Node::on_hello(Client& client, const wire::Json& head) {
  const std::string session = wire::find_string(head, "session").value_or("");
  if (client.session().empty() && !session.empty()) {
    client.set_session(session);
    ++sessions_[session];
  }
  if (const auto python = wire::find_string(head, "python"); python && !python->empty()) {
    zygotes_.warm({*python, {}});
  }
  client.reply(
      FrameType::kHello, 0,
      wire::encode_head({{"version", settings_.version}, {"features", {"call", "stream"}}}), {});
}

void Node::on_gone(Client& client) {
  const auto session = sessions_.find(client.session());
  if (session == sessions_.end() || --session->second > 0) return;
  sessions_.erase(session);
  objects_->end_session(client.session());
  kept_.end_session(client.session());
  segments_.end_session(client.session());
}

Result<wire::CallHead> Node::parse_head(std::string_view head) {
  if (const auto known = heads_.find(head); known != heads_.end()) return known->second;
  Result<wire::CallHead> parsed = wire::parse_call_head(head);
  if (parsed && parsed->parent == 0 && !parsed->has_buffers) {  // others are not met again
    if (heads_.size() >= kMaxHeads) heads_.clear();
    heads_.emplace(head, *parsed);
  }
  return parsed;
}

void Node::on_call(const std::shared_ptr<Client>& client, std::uint32_t stream,
                   std::string_view head, wire::Body body) {
  const Result<wire::CallHead> parsed = parse_head(head);
  if (!parsed)
    return client->reply(FrameType::kError, stream, wire::encode_error(parsed.error()), {});
  auto call = std::make_unique<Call>();
  call->caller = client;
  call->stream = stream;
  call->head = head;
  call->body = std::move(body);
  if (parsed->how == wire::How::kNew) {
    const Result<ServicePtr> service = find_service(*parsed);
    if (!service)
      return client->reply(FrameType::kError, stream, wire::encode_error(service.error()), {});
    call->body = std::move(call->body).to_owned();
    loop_.spawn("make an object",
                objects_->create(*service, *parsed, std::move(call), client->session()));
    return;
  }
  const Result<TargetPtr> target = find_target(*parsed);
  if (!target)
    return client->reply(FrameType::kError, stream, wire::encode_error(target.error()), {});
  if (parsed->keep_result) keep_result(*call, client->session());
  calls_.submit(*target, std::move(call), *parsed);
}

// The caller gets the name of the value instead of the value.
void Node::keep_result(Call& call, const std::string& session) {
  call.on_answer = [this, session, caller = call.caller, stream = call.stream](
                       FrameType type, std::string_view head, wire::Body body) {
    const auto port = caller.lock();
    if (!port) return;  // nobody would ever ask for it
    if (type != FrameType::kResult) {
      port->reply(type, stream, head, std::move(body));
    } else if (const Result<wire::Json> kept = kept_.keep(head, body, session)) {
      port->reply(type, stream, wire::encode_head(*kept), {});
    } else {
      port->reply(FrameType::kError, stream, wire::encode_error(kept.error()), {});
    }
    port->ended(stream);
  };
}

Result<TargetPtr> Node::find_target(const wire::CallHead& head) {
  if (head.target_kind == wire::TargetKind::kObject) return objects_->get_target(head.target);
  if (head.target_kind == wire::TargetKind::kVersion) {
    const auto known = launcher_->targets().find(head.target);
    if (known != launcher_->targets().end()) return known->second;
  }
  const Result<ServicePtr> service = find_service(head);
  if (!service) return Failure(service.error());
  return launcher_->target_of(*service);
}

Result<ServicePtr> Node::find_service(const wire::CallHead& head) {
  if (head.target_kind == wire::TargetKind::kName) return registry_.get_named(head.target);
  if (head.target_kind == wire::TargetKind::kObject) {
    return fail(ErrorKind::kInvalid, "an instance is made of a class, not of the object {}",
                head.target);
  }
  if (ServicePtr service = registry_.find_version(head.target)) return service;
  return no_version(head.target);
}

void Node::on_ask(const std::shared_ptr<Client>& client, std::uint32_t stream,
                  std::string_view head, wire::Body body) {
  Result<wire::Json> decoded = wire::decode_head(head);
  if (!decoded)
    return client->reply(FrameType::kError, stream, wire::encode_error(decoded.error()), {});
  Request request{*std::move(decoded), std::move(body).to_owned(), client->session(), client,
                  stream};
  loop_.spawn("ask", answer(client, stream, std::move(request)));
}

net::Task<> Node::answer(std::shared_ptr<Client> client, std::uint32_t stream, Request request) {
  Result<Answer> answer;
  try {
    answer = co_await operations_->run(std::move(request));
  } catch (
      const std::exception& exception) {  // a defect of ours: the client must not wait for ever
    answer = fail(ErrorKind::kInternal, "the request could not be handled: {}", exception.what());
  }
  if (!answer) {
    client->reply(FrameType::kError, stream, wire::encode_error(answer.error()), {});
  } else {
    client->reply(FrameType::kResult, stream, wire::encode_head(answer->head),
                  std::move(answer->body));
  }
}

void Node::on_output(const ServiceSpec& service, std::uint32_t call, OutputStream stream,
                     std::string_view text) {
  log_.append(service.name, call, stream, text);
  runs_->on_output(call, stream, text);
}

void Node::on_imports(const ServiceSpec& service, const wire::Json& modules) {
  zygotes_.learn(zygote_of(service), modules);
}

void Node::on_object_ended(const std::string& object_id, const Error& reason) {
  objects_->on_ended(object_id, reason);
}

}  // namespace leanto::node
