#include "node/reloader.h"

#include <utility>

namespace leanto::node {

using wire::Json;

namespace {

// A call that began before the last swap may still want to import something.
constexpr std::size_t kWorkspacesKept = 2;

std::string listed(const std::vector<std::string>& problems) {
  std::string text;
  for (const std::string& problem : problems) text += "\n  " + problem;
  return text;
}

}  // namespace

std::optional<std::string> why_not_only_code(const ServiceSpec& before, const ServiceSpec& now) {
  if (!before.snapshot || !now.snapshot) return "its class is installed, and not part of a project";
  if (before.python != now.python || before.image != now.image)
    return "its interpreter has changed";
  if (before.settings.env != now.settings.env) return "its environment variables have changed";
  if (before.settings.ask != now.settings.ask) return "what it reserves has changed";
  if (before.secrets_tag != now.secrets_tag) return "its secrets have changed";
  return std::nullopt;
}

std::vector<Reloader::Candidate> Reloader::find_candidates(const ServiceSpec& service) const {
  std::vector<Candidate> candidates;
  for (const auto& [id, object] : parts_.objects.live()) {
    const Target& target = *object->target;
    const bool other_version =
        target.service->name == service.name && target.service->version != service.version;
    if (other_version && !target.workers.empty())
      candidates.push_back({object, target.workers.front(), {}});
  }
  return candidates;
}

net::Task<Status> Reloader::reload(ServicePtr service) {
  while (under_way_.contains(service->name)) {
    const std::shared_ptr<net::Event> other = under_way_[service->name];
    co_await other->wait();
  }
  const auto ended = std::make_shared<net::Event>(parts_.loop);
  under_way_[service->name] = ended;
  Status swapped = co_await swap(service);
  under_way_.erase(service->name);
  ended->set();
  co_return swapped;
}

net::Task<Status> Reloader::swap(ServicePtr service) {
  std::vector<Candidate> candidates = find_candidates(*service);
  std::vector<std::string> problems;
  for (Candidate& candidate : candidates) {
    const Status prepared = co_await prepare(candidate, service);
    if (!prepared)
      problems.push_back(candidate.object->target->label + ": " + prepared.error().message);
  }
  if (!problems.empty()) {
    for (Candidate& candidate : candidates) co_await give_up(candidate);
    co_return fail(ErrorKind::kInvalid,
                   "no live object was given the new code of {}, because not all of them can take "
                   "it (without keep_state=True new ones are made of it):{}",
                   service->name, listed(problems));
  }
  for (Candidate& candidate : candidates) {
    const Status committed = co_await commit(candidate, service);
    if (!committed)
      problems.push_back(candidate.object->target->label + ": " + committed.error().message);
  }
  if (problems.empty()) co_return Status{};
  co_return fail(ErrorKind::kInvalid, "these live objects of {} are still on the code they had:{}",
                 service->name, listed(problems));
}

net::Task<Status> Reloader::prepare(Candidate& candidate, ServicePtr service) {
  if (const auto why = why_not_only_code(*candidate.object->target->service, *service)) {
    co_return fail(ErrorKind::kInvalid, "{}, and only code can be swapped", *why);
  }
  const Result<Workspace> laid_out =
      co_await parts_.code.lay_out(service->root, *service->snapshot);
  if (!laid_out) co_return Failure(laid_out.error());
  candidate.workspace = laid_out->path;
  Json words = load_words(*service, candidate.workspace);
  words["op"] = "reload";
  words["step"] = "prepare";
  const std::string values = from_hex(service->values_hex);
  const Result<Json> prepared = co_await candidate.worker->ask(words, values);
  if (!prepared) co_return Failure(prepared.error());
  co_return Status{};
}

net::Task<Status> Reloader::commit(Candidate& candidate, ServicePtr service) {
  const Json words = {{"op", "reload"}, {"step", "commit"}};
  const Result<Json> said = co_await candidate.worker->ask(words, "");
  if (!said) {
    co_await give_up(candidate);
    co_return Failure(said.error());
  }
  keep_workspace(candidate.worker, std::move(candidate.workspace));
  candidate.worker->become(service);
  parts_.objects.renew(candidate.object, std::move(service), *said);
  co_return Status{};
}

net::Task<> Reloader::give_up(Candidate& candidate) {
  if (candidate.workspace.empty()) co_return;
  const Json words = {{"op", "reload"}, {"step", "abort"}};
  (void)co_await candidate.worker->ask(words, "");
  parts_.code.release(std::exchange(candidate.workspace, {}));
}

void Reloader::keep_workspace(const std::shared_ptr<Worker>& worker, std::string workspace) {
  auto [kept, first] = workspaces_.try_emplace(worker.get());
  kept->second.push_back(std::move(workspace));
  if (first) parts_.loop.spawn("release workspaces", release_after(worker));
  while (kept->second.size() > kWorkspacesKept) {
    parts_.code.release(std::move(kept->second.front()));
    kept->second.pop_front();
  }
}

net::Task<> Reloader::release_after(std::shared_ptr<Worker> worker) {
  co_await worker->ended();
  auto kept = workspaces_.extract(worker.get());
  for (std::string& workspace : kept.mapped()) parts_.code.release(std::move(workspace));
}

}  // namespace leanto::node
