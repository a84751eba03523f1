// The operations that call a run again: here as a new run, or in a process of the caller's own.
#include "node/operations.h"

namespace leanto::node {

using wire::Json;

namespace {

// The state of an object is in its process.
Error of_an_object(const RunRecord& run) {
  return {ErrorKind::kInvalid,
          fmt::format("the run {} called a method of a live object, whose state is in the object's "
                      "own process: it can't be debugged in another one; `leanto replay {}` calls "
                      "the object again",
                      run.id, run.id)};
}

}  // namespace

net::Task<Result<Answer>> Operations::run_replay(Request& request) {
  Result<std::string> id = wire::require_string(request.head, "id");
  if (!id) co_return Failure(id.error());
  std::string caller = caller_of(request);
  const auto submitted = co_await parts_.runs.replay(*std::move(id), std::move(caller));
  if (!submitted) co_return Failure(submitted.error());
  Json said = to_json(*submitted);
  said["replays"] = submitted->run.replays;
  co_return Answer{std::move(said), {}};
}

// What a worker would be given, for a process that the caller starts.
net::Task<Result<Answer>> Operations::run_debug(Request& request) {
  Result<std::string> id = wire::require_string(request.head, "id");
  if (!id) co_return Failure(id.error());
  const Result<std::string> directory = wire::require_string(request.head, "directory");
  if (!directory) co_return Failure(directory.error());
  if (!directory->starts_with('/'))
    co_return fail(ErrorKind::kInvalid, "the directory {} is not absolute", *directory);
  const Result<Runs::Recalled> recalled = co_await parts_.runs.recall(*std::move(id));
  if (!recalled) co_return Failure(recalled.error());
  if (!recalled->run.object.empty()) co_return Failure(of_an_object(recalled->run));
  const ServicePtr service = recalled->target->service;
  const SecretValues* secrets = parts_.secrets.find(service->secrets_tag);
  if (!service->secrets.empty() && secrets == nullptr) co_return no_secrets(*service);
  const std::string encoded = service->secrets.empty() ? "" : encode_secrets(*secrets);
  const Result<ImageUsePtr> image = co_await parts_.launcher.image_of(service);
  if (!image) co_return Failure(image.error());
  if (service->snapshot) {
    const Status copied = co_await parts_.code.copy_out(*service->snapshot, *directory);
    if (!copied) co_return Failure(copied.error());
  }
  Json words = load_words(*service, *directory);
  if (!encoded.empty()) words["secrets"] = encoded.size();
  const Json call = wire::decode_head(recalled->run.head).value_or(Json::object());
  const Json head = {{"id", recalled->run.id},
                     {"service", service->name},
                     {"python", service->python},
                     {"package", parts_.zygotes.package()},
                     {"env", service->settings.env},
                     {"load", words},
                     {"call", call},
                     {"arguments", recalled->arguments.size()}};
  const std::string body = from_hex(service->values_hex) + encoded + recalled->arguments;
  co_return Answer{head, wire::Body(std::string_view(body)).to_owned()};
}

}  // namespace leanto::node
