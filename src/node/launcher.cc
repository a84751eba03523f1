#include "node/launcher.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace leanto::node {

using wire::Json;

namespace {

// What user code must find in its environment from its first import on.
Json environment_of(const SlotAsk& ask, const SlotQueue& queue, const HeldSlots& slots) {
  if (!ask.wants_gpus()) return Json::object();
  return {{"CUDA_VISIBLE_DEVICES", visible_devices(queue.slots().all(), slots.holding)},
          {"CUDA_DEVICE_ORDER", "PCI_BUS_ID"}};
}

}  // namespace

Failure no_secrets(const ServiceSpec& service) {
  std::string names;
  for (const std::string& name : service.secrets) names += (names.empty() ? "" : ", ") + name;
  return fail(ErrorKind::kNotFound,
              "the secrets of {} ({}) are not here any more: they are kept in memory, and the node "
              "was restarted; send the service again with .to()",
              service.name, names);
}

namespace {

std::vector<std::string> texts_of(const SecretValues& secrets) {
  std::vector<std::string> texts;
  for (const auto& [name, value] : secrets) texts.push_back(value);
  return texts;
}

}  // namespace

Json load_words(const ServiceSpec& service, const std::string& workspace) {
  Json words = {{"op", "load"},
                {"version", service.version},
                {"module", service.module},
                {"qualname", service.qualname},
                {"is_main", service.is_main}};
  if (!service.settings.warmup.empty()) words["warmup"] = service.settings.warmup;
  if (service.snapshot) {
    words["workspace"] = workspace;
    words["root"] = service.root;
    words["file"] = service.file;
    words["search_path"] = service.search_path;
  }
  return words;
}

std::string from_hex(std::string_view hex) {
  auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes += static_cast<char>(digit(hex[i]) << 4 | digit(hex[i + 1]));
  }
  return bytes;
}

namespace {

int spare_of(const Target& target) {
  return target.retired ? target.counts().staying
                        : spare_workers(target.counts(), target.service->settings);
}

// Whether one more worker, which is starting, has something to do.
bool is_of_use(const Target& target) {
  WorkerCounts others = target.counts();
  --others.starting;
  if (!target.queue.empty() || is_below_minimum(others, target.service->settings)) return true;
  const auto is_shared = [](const auto& worker) { return worker->busy() > 1; };
  return std::any_of(target.workers.begin(), target.workers.end(), is_shared);
}

}  // namespace

ZygoteKey zygote_of(const ServiceSpec& service) { return {service.python, service.settings.env}; }

Launcher::Launcher(Parts parts) : parts_(parts) {
  parts_.slots.set_on_waiting([this] { make_room(); });
}

TargetPtr Launcher::target_of(const ServicePtr& service) {
  TargetPtr& target = targets_[service->version];
  if (!target) {
    target = std::make_shared<Target>();
    target->service = service;
  }
  return target;
}

TargetPtr Launcher::resized(const TargetPtr& target, std::uint64_t memory) {
  auto service = std::make_shared<ServiceSpec>(*target->service);
  service->settings.ask.memory = memory;
  service->version = make_version(*service);
  return target_of(service);
}

void Launcher::start_worker(const TargetPtr& target) {
  parts_.loop.spawn("start a worker", start_for(target));
}

net::Task<> Launcher::start_for(TargetPtr target) {
  const SlotAsk& ask = target->service->settings.ask;
  const Status possible = parts_.slots.check(target->service->name, ask);
  if (!possible) {
    parts_.calls.start_failed(target, possible.error());
    co_return;
  }
  ++target->waiting_for_slots;
  HeldSlots slots = co_await parts_.slots.acquire(ask, target->queue.next_party());
  --target->waiting_for_slots;
  if (slots.id != 0 && !is_of_use(*target)) {  // others served the calls while it waited
    --target->starting;
    parts_.slots.release(slots.id);
    co_return;
  }
  Result<std::shared_ptr<Worker>> worker = co_await launch_with(target->service, std::move(slots));
  if (worker) {
    parts_.calls.worker_started(target, *std::move(worker));
  } else {
    parts_.calls.start_failed(target, worker.error());
  }
}

void Launcher::keep_minimum(const TargetPtr& target) {
  if (!std::exchange(target->kept, true))
    parts_.loop.spawn("keep workers ready", start_until_minimum(target));
}

// One after the other, so that the first is ready soon and a service that can't start doesn't try
// with many at once.
net::Task<> Launcher::start_until_minimum(TargetPtr target) {
  while (target->must_keep_more()) {
    co_await parts_.loop.sleep(restart_pause(target->failures));
    if (!target->must_keep_more()) break;
    ++target->starting;
    co_await start_for(target);
  }
  target->kept = false;
}

net::Task<Result<Json>> Launcher::ensure(TargetPtr target) {
  target->retired = false;
  while (true) {
    for (const auto& worker : target->workers) {
      if (worker->state() == WorkerState::kReady) co_return worker->offers();
    }
    const auto other = ensuring_.find(target.get());
    if (other == ensuring_.end()) break;
    const std::shared_ptr<net::Event> ended =
        other->second;  // somebody else sends the same just now
    co_await ended->wait();
  }
  const Status possible = parts_.slots.check(target->service->name, target->service->settings.ask);
  if (!possible) co_return Failure(possible.error());
  if (!can_have_soon(target->service->settings.ask))
    co_return co_await describe_without_slots(target->service);
  const auto ended = std::make_shared<net::Event>(parts_.loop);
  ensuring_[target.get()] = ended;
  ++target->starting;
  Result<std::shared_ptr<Worker>> worker = co_await launch(target->service);
  ensuring_.erase(target.get());
  ended->set();
  if (!worker) {
    parts_.calls.start_failed(target, worker.error());
    co_return Failure(worker.error());
  }
  Json offers = (*worker)->offers();
  parts_.calls.worker_started(target, *std::move(worker));
  co_return offers;
}

net::Task<Result<std::shared_ptr<Worker>>> Launcher::launch(ServicePtr service, std::string party) {
  const Status possible = parts_.slots.check(service->name, service->settings.ask);
  if (!possible) co_return Failure(possible.error());
  HeldSlots slots = co_await parts_.slots.acquire(service->settings.ask, std::move(party));
  co_return co_await launch_with(service, std::move(slots));
}

Status Launcher::check_queue(const ServiceSpec& service, std::uint32_t max_queue) const {
  const SlotAsk& ask = service.settings.ask;
  const std::size_t waiting = parts_.slots.waiting().size();
  if (can_have_soon(ask) || waiting < max_queue) return {};
  return fail(ErrorKind::kCapacity,
              "{} is busy: others use the {} that a worker of it reserves, {} workers wait for "
              "slots already, and max_queue={} allows no more; try again later, or allow more",
              service.name, describe(ask), waiting, max_queue);
}

// The environment that the service wants; it may have been collected since the service was sent.
net::Task<Result<ImageUsePtr>> Launcher::image_of(ServicePtr service) {
  if (service->image.is_null()) co_return ImageUsePtr();
  ImageOutput nobody = [](std::string_view) {};
  co_return co_await parts_.images.get(service->image, service->builder, std::move(nobody));
}

// The slots are given back when the worker ends, or here if there will be none.
net::Task<Result<std::shared_ptr<Worker>>> Launcher::launch_with(ServicePtr service,
                                                                 HeldSlots slots) {
  Result<ImageUsePtr> image = co_await image_of(service);
  if (!image) {
    parts_.slots.release(slots.id);
    co_return Failure(image.error());
  }
  const SecretValues* secrets = parts_.secrets.find(service->secrets_tag);
  if (!service->secrets.empty() && secrets == nullptr) {
    parts_.slots.release(slots.id);
    co_return no_secrets(*service);
  }
  std::string workspace;
  if (service->snapshot) {
    // Of one project, whatever its services: an edit patches what another one of them has laid out.
    const Result<Workspace> laid_out =
        co_await parts_.code.lay_out(service->root, *service->snapshot);
    if (!laid_out) {
      parts_.slots.release(slots.id);
      co_return Failure(laid_out.error());
    }
    workspace = laid_out->path;
  }
  Json words = load_words(*service, workspace);
  const Json environment = environment_of(service->settings.ask, parts_.slots, slots);
  if (!environment.empty()) words["env"] = environment;
  Result<std::shared_ptr<Worker>> worker = co_await fork(service, slots);
  if (!worker) {
    parts_.slots.release(slots.id);
    if (!workspace.empty()) parts_.code.release(workspace);
    co_return worker;
  }
  parts_.loop.spawn("release what a worker had", release_after(*worker, workspace, *image));
  if (!workspace.empty()) parts_.code.tidy();
  std::string values = from_hex(service->values_hex);
  if (!service->secrets.empty()) {
    secrets = parts_.secrets.find(service->secrets_tag);
    if (secrets == nullptr) {
      (*worker)->retire();
      co_return no_secrets(*service);
    }
    (*worker)->mask_output(OutputMask(texts_of(*secrets)));
    const std::string encoded = encode_secrets(*secrets);
    words["secrets"] = encoded.size();
    values += encoded;
  }
  const Result<Json> offers = co_await (*worker)->load(words, values);
  if (!offers) {
    (*worker)->retire();
    co_return Failure(offers.error());
  }
  co_return worker;
}

net::Task<Result<std::shared_ptr<Worker>>> Launcher::fork(ServicePtr service, HeldSlots slots) {
  const ZygoteKey key = zygote_of(*service);
  const Result<std::shared_ptr<Zygote>> zygote = co_await parts_.zygotes.get(key);
  if (!zygote) co_return Failure(zygote.error());
  Result<Zygote::Forked> forked = co_await (*zygote)->fork_worker();
  if (!forked) {
    co_return fail(forked.error().kind, "{} ({})", forked.error().message, service->python);
  }
  auto worker = make_worker(service, forked->pid, std::move(forked->channels), std::move(slots),
                            &MemoryLimits::hold);
  worker->start();
  (*zygote)->watch(worker);
  co_return worker;
}

// Our side of a process that is there, with what it holds of the machine.
std::shared_ptr<Worker> Launcher::make_worker(ServicePtr service, pid_t pid,
                                              WorkerChannels channels, HeldSlots slots,
                                              HoldMemory hold_memory) {
  const std::uint64_t limit = service->settings.ask.memory;
  auto worker = std::make_shared<Worker>(parts_.loop, parts_.outgoing, parts_.calls, parts_.clock,
                                         std::move(service), pid, std::move(channels));
  WorkerResources resources{std::move(slots), nullptr};
  if (limit > 0) {
    auto kill = [weak = std::weak_ptr(worker)] {
      if (const auto held = weak.lock()) held->kill();
    };
    resources.memory = (parts_.memory.*hold_memory)(pid, limit, std::move(kill));
  }
  worker->give(std::move(resources));
  if (!std::exchange(watches_idle_, true)) parts_.loop.spawn("idle workers", retire_idle_workers());
  return worker;
}

// Only functions' workers: a live object is what its process holds.
net::Task<> Launcher::retire_idle_workers() {
  const Duration pause = std::clamp<Duration>(
      parts_.idle_timeout / 4, std::chrono::milliseconds(50), std::chrono::minutes(1));
  bool any = true;
  while (any) {
    co_await parts_.loop.sleep(pause);
    any = false;
    const MonotonicTime now = parts_.clock.monotonic();
    for (const auto& [version, target] : targets_) {
      int spare = spare_of(*target);
      for (const auto& worker : std::vector(target->workers)) {
        any = true;
        const bool idle = worker->running() == 0 && worker->state() == WorkerState::kReady;
        if (!idle || now - worker->idle_since() <= parts_.idle_timeout || spare <= 0) continue;
        worker->retire();
        --spare;
      }
    }
  }
  watches_idle_ = false;
}

// Everything that it asks for is in use. What it offers can be said without, by a worker that takes
// no calls: sending something must not wait for what others run.
net::Task<Result<Json>> Launcher::describe_without_slots(ServicePtr service) {
  const Result<std::shared_ptr<Worker>> worker = co_await launch_with(service, HeldSlots());
  if (!worker) co_return Failure(worker.error());
  Json offers = (*worker)->offers();
  (*worker)->retire();
  co_return offers;
}

Launcher::Idle Launcher::find_idle() const {
  Idle idle;
  for (const auto& [version, target] : targets_) {
    int spare = spare_of(*target);
    for (const auto& worker : target->workers) {
      if (worker->running() > 0 || worker->resources().slots.id == 0) continue;
      if (worker->state() == WorkerState::kReady && spare-- > 0) idle.workers.push_back(worker);
      if (worker->state() == WorkerState::kLeaving)
        idle.leaving.push_back(worker->resources().slots.id);
    }
  }
  std::sort(idle.workers.begin(), idle.workers.end(),
            [](const auto& a, const auto& b) { return a->idle_since() < b->idle_since(); });
  return idle;
}

std::vector<std::shared_ptr<Worker>> Launcher::who_must_leave(
    const std::vector<SlotAsk>& waiting) const {
  const Idle idle = find_idle();
  std::vector<HoldingId> ids;
  for (const auto& worker : idle.workers) ids.push_back(worker->resources().slots.id);
  const auto leave = choose_to_leave(parts_.slots.slots(), idle.leaving, ids, waiting);
  std::vector<std::shared_ptr<Worker>> workers;
  for (const auto& worker : idle.workers) {
    if (std::find(leave.begin(), leave.end(), worker->resources().slots.id) != leave.end())
      workers.push_back(worker);
  }
  return workers;
}

// Now, or when idle workers have left.
bool Launcher::can_have_soon(const SlotAsk& ask) const {
  std::vector<SlotAsk> waiting = parts_.slots.waiting();
  if (waiting.empty() && parts_.slots.slots().find_room(ask)) return true;
  if (ask.is_nothing()) return true;
  Slots after = parts_.slots.slots();
  const Idle idle = find_idle();
  for (const HoldingId id : idle.leaving) after.give_back(id);
  for (const auto& worker : idle.workers) after.give_back(worker->resources().slots.id);
  waiting.push_back(ask);
  const std::vector<Grant> grants = decide_grants(std::move(after), waiting);
  return !grants.empty() && grants.back().waiting + 1 == waiting.size();
}

// What can never be had is said by who starts it.
bool Launcher::can_start_soon(const Target& target) const {
  const SlotAsk& ask = target.service->settings.ask;
  return can_have_soon(ask) || !parts_.slots.check(target.service->name, ask);
}

// Idle workers keep what they hold, so that the next call finds them warm, until somebody waits for
// it. Objects stay: their state is what they are for.
void Launcher::make_room() {
  const std::vector<SlotAsk> waiting = parts_.slots.waiting();
  parts_.calls.want_room(!waiting.empty());
  if (waiting.empty()) return;
  for (const auto& worker : who_must_leave(waiting)) worker->retire();
}

net::Task<> Launcher::release_after(std::shared_ptr<Worker> worker, std::string workspace,
                                    ImageUsePtr image) {
  co_await worker->ended();
  image.reset();  // it may be collected now
  const WorkerResources& resources = worker->resources();
  if (resources.memory) parts_.memory.release(resources.memory);
  parts_.slots.release(resources.slots.id);
  if (!workspace.empty()) parts_.code.release(std::move(workspace));
}

}  // namespace leanto::node
