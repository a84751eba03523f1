// The operations that call a run again: here as a new run, or in a process of the caller's own.
#include "node/operations.h"

namespace leanto::node {

using wire::Json;

namespace {

// The state of an object is in its process.
Error of_an_object(const RunRecord& run, std::string_view what) {
  return {ErrorKind::kInvalid,
          fmt::format("the run {} called a method of a live object, whose state is in the object's "
                      "own process: it can't be {}; `leanto replay {}` calls the object again",
                      run.id, what, run.id)};
}

Error has_secrets(const ServiceSpec& service) {
  return {ErrorKind::kInvalid,
          fmt::format("the service {} has secrets, which don't leave the machine that they were "
                      "sent to; send it with .to() where it's to run, and call it",
                      service.name)};
}

// A service as a deploy on another node says it.
Json deploy_words(const ServiceSpec& service) {
  Json deploy = to_json(service);
  for (const char* key : {"version", "values"}) deploy.erase(key);
  if (!service.image.is_null()) deploy["python"] = service.builder;
  deploy.erase("builder");
  deploy["python_otherwise"] = "3";
  return deploy;
}

// Where it's called again is said by who asks for that.
wire::RetryPolicy without_places(wire::RetryPolicy policy) {
  policy.places.clear();
  if (policy.retries) policy.retries->places = 1;
  if (policy.on_oom) {
    for (wire::MemoryStep& step : policy.on_oom->sizes) step.place.reset();
  }
  return policy;
}

// The run as a submission says it.
Json call_words(const RunRecord& run) {
  Json call = wire::decode_head(run.head).value_or(Json::object());
  call.erase("run");
  call.update(wire::to_json(without_places(policy_of(run))));
  if (run.timeout_ms) call["timeout"] = static_cast<double>(*run.timeout_ms) / 1000;
  call["grace"] = static_cast<double>(run.grace_ms) / 1000;
  call["keep_args"] = run.keep_arguments;
  return call;
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

// All that it takes to call it on another node: the words of a deploy, and those of a submission.
// With `v` only the former, of that version.
net::Task<Result<Answer>> Operations::run_recall(Request& request) {
  if (const auto version = wire::find_string(request.head, "v")) co_return recall_code(*version);
  Result<std::string> id = wire::require_string(request.head, "id");
  if (!id) co_return Failure(id.error());
  const Result<Runs::Recalled> recalled = co_await parts_.runs.recall(*std::move(id));
  if (!recalled) co_return Failure(recalled.error());
  const RunRecord& run = recalled->run;
  if (!run.object.empty()) co_return Failure(of_an_object(run, "called on another machine"));
  Json head = {{"id", run.id}, {"call", call_words(run)}};
  std::string values;
  if (recalled->target) {
    Result<Answer> code = recall_code(recalled->target->service->version);
    if (!code) co_return code;
    values = code->body.view();
    head.update(code->head);
  } else {
    const wire::RetryPolicy policy = policy_of(run);
    head["code_at"] = {{"node", policy.places.front().node}, {"v", policy.places.front().version}};
  }
  const std::string body = values + recalled->arguments;
  co_return Answer{std::move(head), wire::Body(std::string_view(body)).to_owned()};
}

Result<Answer> Operations::recall_code(const std::string& version) const {
  const ServicePtr service = find_sender(version);
  if (!service) return fail(ErrorKind::kNotFound, "the version {} is not known here", version);
  if (!service->secrets.empty()) return Failure(has_secrets(*service));
  const std::string values = from_hex(service->values_hex);
  return Answer{{{"deploy", deploy_words(*service)}, {"values", values.size()}},
                wire::Body(std::string_view(values)).to_owned()};
}

// Of this node's run, or, with `v`, of another node's, whose code has come here as that version.
net::Task<Result<Runs::Recalled>> Operations::recall_to_debug(Request& request) {
  Result<std::string> id = wire::require_string(request.head, "id");
  if (!id) co_return Failure(id.error());
  const auto version = wire::find_string(request.head, "v");
  if (!version) co_return co_await parts_.runs.recall(*std::move(id));
  const ServicePtr service = find_sender(*version);
  if (!service) co_return fail(ErrorKind::kNotFound, "the version {} is not known here", *version);
  RunRecord run;
  run.id = *std::move(id);
  run.head = wire::encode_head(request.head.value("call", Json::object()));
  co_return Runs::Recalled{std::move(run), parts_.launcher.target_of(service),
                           std::string(request.body.view())};
}

// What a worker would be given, for a process that the caller starts.
net::Task<Result<Answer>> Operations::run_debug(Request& request) {
  const Result<std::string> directory = wire::require_string(request.head, "directory");
  if (!directory) co_return Failure(directory.error());
  if (!directory->starts_with('/'))
    co_return fail(ErrorKind::kInvalid, "the directory {} is not absolute", *directory);
  const Result<Runs::Recalled> recalled = co_await recall_to_debug(request);
  if (!recalled) co_return Failure(recalled.error());
  if (!recalled->run.object.empty())
    co_return Failure(of_an_object(recalled->run, "debugged in another one"));
  if (!recalled->target) {
    co_return fail(ErrorKind::kNotFound, "the code of the run {} is on the node that it began on",
                   recalled->run.id);
  }
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
