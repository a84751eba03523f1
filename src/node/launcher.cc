#include "node/launcher.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace leanto::node {

using wire::Json;

namespace {

Failure no_secrets(const ServiceSpec& service) {
  std::string names;
  for (const std::string& name : service.secrets) names += (names.empty() ? "" : ", ") + name;
  return fail(ErrorKind::kNotFound,
              "the secrets of {} ({}) are not here any more: they are kept in memory, and the node "
              "was restarted; send the service again with .to()",
              service.name, names);
}

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

ZygoteKey zygote_of(const ServiceSpec& service) { return {service.python, service.settings.env}; }

TargetPtr Launcher::target_of(const ServicePtr& service) {
  TargetPtr& target = targets_[service->version];
  if (!target) {
    target = std::make_shared<Target>();
    target->service = service;
  }
  return target;
}

void Launcher::start_worker(const TargetPtr& target) {
  parts_.loop.spawn("start a worker", start_for(target));
}

net::Task<> Launcher::start_for(TargetPtr target) {
  Result<std::shared_ptr<Worker>> worker = co_await launch(target->service);
  if (worker) {
    parts_.calls.worker_started(target, *std::move(worker));
  } else {
    parts_.calls.start_failed(target, worker.error());
  }
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

net::Task<Result<std::shared_ptr<Worker>>> Launcher::launch(ServicePtr service) {
  ImageUsePtr image;
  if (!service->image.is_null()) {  // it may have been collected since the service was sent
    ImageOutput nobody = [](std::string_view) {};
    Result<ImageUsePtr> ready =
        co_await parts_.images.get(service->image, service->builder, std::move(nobody));
    if (!ready) co_return Failure(ready.error());
    image = *std::move(ready);
  }
  co_return co_await launch_in(std::move(service), std::move(image));
}

net::Task<Result<std::shared_ptr<Worker>>> Launcher::launch_in(ServicePtr service,
                                                               ImageUsePtr image) {
  const SecretValues* secrets = parts_.secrets.find(service->secrets_tag);
  if (!service->secrets.empty() && secrets == nullptr) co_return no_secrets(*service);
  std::string workspace;
  if (service->snapshot) {
    // Of one project, whatever its services: an edit patches what another one of them has laid out.
    const Result<Workspace> laid_out =
        co_await parts_.code.lay_out(service->root, *service->snapshot);
    if (!laid_out) co_return Failure(laid_out.error());
    workspace = laid_out->path;
  }
  Result<std::shared_ptr<Worker>> worker = co_await fork(service);
  if (!worker) {
    if (!workspace.empty()) parts_.code.release(workspace);
    co_return worker;
  }
  if (!workspace.empty()) {
    parts_.loop.spawn("release a workspace", release_after(*worker, workspace));
    parts_.code.tidy();
  }
  if (image) parts_.loop.spawn("keep an image", keep_image(*worker, std::move(image)));
  Json words = load_words(*service, workspace);
  std::string values = from_hex(service->values_hex);
  if (!service->secrets.empty()) {
    secrets = parts_.secrets.find(service->secrets_tag);
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

net::Task<Result<std::shared_ptr<Worker>>> Launcher::fork(ServicePtr service) {
  const ZygoteKey key = zygote_of(*service);
  const Result<std::shared_ptr<Zygote>> zygote = co_await parts_.zygotes.get(key);
  if (!zygote) co_return Failure(zygote.error());
  Result<Zygote::Forked> forked = co_await (*zygote)->fork_worker();
  if (!forked) co_return Failure(forked.error());
  auto worker = std::make_shared<Worker>(parts_.loop, parts_.outgoing, parts_.calls, parts_.clock,
                                         service, forked->pid, std::move(forked->channels));
  worker->start();
  if (!std::exchange(watches_idle_, true)) parts_.loop.spawn("idle workers", retire_idle_workers());
  (*zygote)->watch(worker);
  co_return worker;
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
      for (const auto& worker : std::vector(target->workers)) {
        any = true;
        if (worker->running() == 0 && now - worker->idle_since() > parts_.idle_timeout)
          worker->retire();
      }
    }
  }
  watches_idle_ = false;
}

net::Task<> Launcher::keep_image(std::shared_ptr<Worker> worker, ImageUsePtr image) {
  co_await worker->ended();
  image.reset();
}

net::Task<> Launcher::release_after(std::shared_ptr<Worker> worker, std::string workspace) {
  co_await worker->ended();
  parts_.code.release(std::move(workspace));
}

}  // namespace leanto::node
