// Runs: the call of a run made again, from what is on record about it.
#include <fmt/format.h>

#include <utility>

#include "node/runs.h"

namespace leanto::node {

using wire::Json;

namespace {

Error not_kept(const RunRecord& run) {
  return {ErrorKind::kNotFound,
          fmt::format("the arguments of the run {} were not kept, so it can't be replayed; a run "
                      "keeps them after its end if its service or the call says so: "
                      ".options(keep_args=True)",
                      run.id)};
}

Error no_target(const RunRecord& run, const Error& why) {
  if (why.kind != ErrorKind::kNotFound) return why;
  if (!run.object.empty()) {
    return {ErrorKind::kNotFound,
            fmt::format("the run {} called a method of a live object, and that is gone with its "
                        "state, so it can't be replayed ({}); make the object again and call it",
                        run.id, why.message)};
  }
  return {ErrorKind::kNotFound,
          fmt::format("the code of the run {} isn't here any more, so it can't be replayed: {} at "
                      "version {} is not known; check that version out, send it with .to() and "
                      "call it",
                      run.id, run.service, run.version)};
}

// An object that was sent once more with keep_state has other code now.
Error has_changed(const RunRecord& run, const std::string& version) {
  return {ErrorKind::kNotFound,
          fmt::format("the run {} called a live object whose code was replaced since (version {} "
                      "then, {} now), so it can't be replayed; call the object instead",
                      run.id, run.version.substr(0, 8), version.substr(0, 8))};
}

Result<wire::Submission> submission_of(const RunRecord& run) {
  Result<wire::CallHead> call = wire::parse_call_head(run.head);
  if (!call) return Failure(call.error());
  wire::Submission again;
  again.call = *std::move(call);
  if (run.timeout_ms) again.call.timeout_seconds = static_cast<double>(*run.timeout_ms) / 1000;
  again.head = wire::decode_head(run.head).value_or(Json::object());
  again.grace_seconds = static_cast<double>(run.grace_ms) / 1000;
  again.policy = policy_of(run);
  again.keep_arguments = run.keep_arguments;
  again.replays = run.id;
  return again;
}

}  // namespace

net::Task<Result<Runs::Recalled>> Runs::recall_call(std::string id_or_key) {
  Result<RunRecord> run = co_await get(std::move(id_or_key));
  if (!run) co_return Failure(run.error());
  auto find = [id = run->id](RunStore& store) { return store.arguments(id); };
  auto arguments = co_await parts_.journal.read(std::move(find));
  if (!arguments) co_return Failure(arguments.error());
  if (!*arguments) co_return Failure(not_kept(*run));
  co_return Recalled{*std::move(run), nullptr, **std::move(arguments)};
}

net::Task<Result<Runs::Recalled>> Runs::recall(std::string id_or_key) {
  Result<Recalled> recalled = co_await recall_call(std::move(id_or_key));
  if (!recalled) co_return recalled;
  const RunRecord& run = recalled->run;
  if (far_place_of(policy_of(run), 0) != nullptr) co_return recalled;
  const Result<wire::CallHead> call = wire::parse_call_head(run.head);
  if (!call) co_return Failure(call.error());
  const Result<TargetPtr> target = parts_.find_target(*call);
  if (!target) co_return Failure(no_target(run, target.error()));
  const std::string& version = (*target)->service->version;
  if (version != run.version) co_return Failure(has_changed(run, version));
  recalled->target = *target;
  co_return recalled;
}

net::Task<Result<Runs::Submitted>> Runs::replay(std::string id_or_key, std::string caller) {
  Result<Recalled> recalled = co_await recall(std::move(id_or_key));
  if (!recalled) co_return Failure(recalled.error());
  Result<wire::Submission> again = submission_of(recalled->run);
  if (!again) co_return Failure(again.error());
  wire::Body body = wire::Body(std::string_view(recalled->arguments)).to_owned();
  co_return co_await submit(*std::move(again), std::move(caller), std::move(body));
}

}  // namespace leanto::node
