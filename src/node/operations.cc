#include "node/operations.h"

#include <utility>

#include "base/nearest.h"
#include "node/operation_rights.h"

namespace leanto::node {

using wire::Json;

namespace {

constexpr std::size_t kMaxTypeName = 200;

Reader reader_of(const Request& request) {
  return wire::find_flag(request.head, "far", false) ? Reader::kFar : Reader::kHere;
}

// A deploy to another node, and what is asked about the run of another.
bool goes_elsewhere(const std::string& op, const Json& head) {
  if (op == "deploy") return head.contains("to");
  if (op != "run_replay" && op != "run_debug") return false;
  return head.contains("to") || head.contains("from") || wire::find_flag(head, "anywhere", false);
}

// A way to another node is for who may everything.
Status allow_request(const std::string& op, const Request& request) {
  if (request.access.is_owner()) return {};
  if (request.access.is_ticket() && by_ticket(op) == ByTicket::kItsValue)
    return request.access.check_value(wire::find_string(request.head, "o").value_or(""));
  if (request.access.is_ticket() && by_ticket(op) == ByTicket::kItsTree)
    return request.access.check_tree(wire::find_string(request.head, "snapshot").value_or(""));
  const bool is_sent_on = goes_elsewhere(op, request.head);
  const Right needed = is_sent_on ? Right::kAdmin : right_for(op);
  if (Status allowed =
          request.access.check(needed, fmt::format("'{}'", wire::valid_utf8(op.substr(0, 40))));
      !allowed) {
    return allowed;
  }
  if (op != "segment" && !request.head.contains("seg")) return {};
  return fail(ErrorKind::kInvalid, "shared memory is for programs on the node's own machine");
}

}  // namespace

Operations::Operations(Parts parts)
    : parts_(std::move(parts)),
      host_(parts_.loop, parts_.autostop),
      operations_{{"deploy", &Operations::deploy},
                  {"lookup", &Operations::lookup},
                  {"save", &Operations::save},
                  {"put", &Operations::put},
                  {"get", &Operations::get},
                  {"keys", &Operations::keys},
                  {"delete", &Operations::remove},
                  {"rename", &Operations::rename},
                  {"fetch", &Operations::fetch},
                  {"keep", &Operations::keep},
                  {"release", &Operations::release},
                  {"value_ticket", &Operations::value_ticket},
                  {"take_value", &Operations::take_value},
                  {"tree_ticket", &Operations::tree_ticket},
                  {"take_tree", &Operations::take_tree},
                  {"segment", &Operations::segment},
                  {"close_segment", &Operations::close_segment},
                  {"submit", &Operations::submit},
                  {"run_replay", &Operations::run_replay},
                  {"run_recall", &Operations::run_recall},
                  {"run_debug", &Operations::run_debug},
                  {"run_record", &Operations::run_record},
                  {"runs", &Operations::runs},
                  {"prune_runs", &Operations::prune_runs},
                  {"run_wait", &Operations::run_wait},
                  {"run_result", &Operations::run_result},
                  {"run_logs", &Operations::run_logs},
                  {"run_cancel", &Operations::run_cancel},
                  {"status", &Operations::status},
                  {"ls", &Operations::list},
                  {"objects", &Operations::objects},
                  {"restart", &Operations::restart},
                  {"logs", &Operations::logs},
                  {"images", &Operations::images},
                  {"prune_images", &Operations::prune_images},
                  {"stop", &Operations::stop},
                  {"token_create", &Operations::token_create},
                  {"token_ls", &Operations::token_list},
                  {"token_revoke", &Operations::token_revoke}} {}

net::Task<Result<Answer>> Operations::run(Request request) {
  const std::string op = wire::find_string(request.head, "op").value_or("");
  if (const Status allowed = allow_request(op, request); !allowed)
    co_return Failure(allowed.error());
  if (parts_.clusters.knows(op)) co_return co_await parts_.clusters.run(op, request);
  if (host_.knows(op)) co_return co_await host_.run(op, request);
  if (goes_elsewhere(op, request.head)) {
    if (op == "deploy") co_return co_await parts_.clusters.deploy(request);
    if (op == "run_debug") co_return co_await parts_.clusters.debug(request);
    co_return co_await parts_.clusters.replay(request);
  }
  const auto found = operations_.find(op);
  if (found == operations_.end()) {
    co_return fail(ErrorKind::kInvalid,
                   "a node of version {} cannot be asked for '{}'; upgrade the older side",
                   parts_.facts.version, op);
  }
  const Operation operation = found->second;
  co_return co_await (this->*operation)(request);
}

// Deploying

net::Task<Result<Answer>> Operations::deploy(Request& request) {
  Result<ServiceSpec> spec = parse_deploy(request.head, request.body.view());
  if (!spec) co_return Failure(spec.error());
  if (const auto other = wire::find_string(request.head, "python_otherwise"))
    parts_.interpreters.replace_missing(spec->python, *other);
  if (const Status found = parts_.interpreters.find(spec->python); !found)
    co_return Failure(found.error());
  if (const Status taken = take_secrets(request, *spec); !taken) co_return Failure(taken.error());
  const Result<ImageUsePtr> image = co_await prepare_image(request, *spec);
  if (!image) co_return Failure(image.error());
  parts_.zygotes.warm(zygote_of(*spec));  // it starts while the source tree is looked at
  if (!spec->root.empty()) {
    const Result<Digest> snapshot = co_await find_snapshot(request, *spec);
    if (!snapshot) co_return Failure(snapshot.error());
    spec->snapshot = *snapshot;
  }
  spec->version = make_version(*spec);
  // A worker that sends something on says itself what that offers: to ask another worker, which
  // imports the same module and so sends the same on, would never end.
  Json describe = request.head.value("describe", Json());
  if (describe.is_null()) {
    const TargetPtr asked = parts_.launcher.target_of(std::make_shared<const ServiceSpec>(*spec));
    Result<Json> offers = co_await parts_.launcher.ensure(asked);
    if (!offers) co_return Failure(offers.error());
    describe = *std::move(offers);
  }
  if (wire::find_flag(request.head, "keep_state", false)) {
    const auto now = std::make_shared<const ServiceSpec>(*spec);
    const Status swapped = co_await parts_.reloader.reload(now);
    if (!swapped) co_return Failure(swapped.error());
  }
  const bool unnamed = wire::find_flag(request.head, "unnamed", false);
  const Naming naming = unnamed ? Naming::kNone : Naming::kNewest;
  const Result<ServicePtr> service =
      co_await make_known(*std::move(spec), std::move(describe), naming);
  if (!service) co_return Failure(service.error());
  if (unnamed) co_return Answer{{{"v", (*service)->version}, {"name", (*service)->name}}, {}};
  const TargetPtr target = parts_.launcher.target_of(*service);
  target->retired = false;
  if (target->must_keep_more()) parts_.launcher.keep_minimum(target);
  co_return Answer{
      {{"v", (*service)->version}, {"name", (*service)->name}, {"describe", (*service)->describe}},
      {}};
}

ServicePtr Operations::find_sender(const std::string& version) const {
  if (ServicePtr service = parts_.registry.find_version(version)) return service;
  const auto target = parts_.launcher.targets().find(version);
  return target == parts_.launcher.targets().end() ? nullptr : target->second->service;
}

// The project's source as it is now, or, for what a worker sends on, as it was sent to there.
net::Task<Result<Digest>> Operations::find_snapshot(const Request& request,
                                                    const ServiceSpec& spec) {
  if (const auto of = wire::find_string(request.head, "snapshot_of")) {
    const ServicePtr sender = find_sender(*of);
    if (sender && sender->snapshot) co_return *sender->snapshot;
    co_return fail(ErrorKind::kNotFound,
                   "the version {} that this code came with is not known here", *of);
  }
  if (const auto sent = wire::find_string(request.head, "snapshot")) {  // by another node
    const std::optional<Digest> digest = Digest::parse(*sent);
    if (!digest) co_return fail(ErrorKind::kInvalid, "'{}' is no digest", *sent);
    const Result<TreePtr> tree = co_await parts_.code.tree(*digest);
    if (!tree) co_return Failure(tree.error());
    co_return *digest;
  }
  const Result<Snapshot> snapshot = co_await parts_.code.snapshot(spec.root);
  if (!snapshot) co_return Failure(snapshot.error());
  co_return snapshot->digest;
}

// Makes the service the newest of its name, or known by its version only.
net::Task<Result<ServicePtr>> Operations::make_known(ServiceSpec spec, Json describe,
                                                     Naming naming) {
  if (naming == Naming::kNone) {
    if (ServicePtr known = parts_.registry.find_version(spec.version)) co_return known;
  }
  const Result<ServicePtr> newest = parts_.registry.get_named(spec.name);
  if (newest && (*newest)->version == spec.version) co_return newest;
  spec.describe = std::move(describe);
  auto service = std::make_shared<const ServiceSpec>(std::move(spec));
  const Status added = co_await parts_.registry.add(service, naming);
  if (!added) co_return Failure(added.error());
  if (newest && naming == Naming::kNewest) retire_former(**newest);
  co_return service;
}

// Workers of versions that no name stands for any more leave when they are idle; who still holds a
// handle of one and calls it gets a new worker.
void Operations::retire_former(const ServiceSpec& former) {
  for (const Registry::Row& row : parts_.registry.rows()) {
    if (row.service->version == former.version) return;
  }
  const auto target = parts_.launcher.targets().find(former.version);
  if (target != parts_.launcher.targets().end()) parts_.calls.retire(target->second);
}

net::Task<Result<Answer>> Operations::lookup(Request& request) {
  const Result<std::string> name = wire::require_string(request.head, "name");
  if (!name) co_return Failure(name.error());
  const Result<ServicePtr> service = parts_.registry.get_named(*name);
  if (!service) co_return Failure(service.error());
  const bool is_class = (*service)->kind == ServiceKind::kClass;
  if (is_class != (wire::find_string(request.head, "kind") == "class")) {
    co_return fail(ErrorKind::kInvalid, "'{}' is a {}; get it with lt.{}(name='{}')", *name,
                   is_class ? "class" : "function", is_class ? "cls" : "function", *name);
  }
  co_return Answer{{{"v", (*service)->version}, {"describe", (*service)->describe}}, {}};
}

net::Task<Result<Answer>> Operations::save(Request& request) {
  const Result<std::string> name = wire::require_string(request.head, "name");
  const Result<std::string> version = wire::require_string(request.head, "v");
  if (!name) co_return Failure(name.error());
  if (!version) co_return Failure(version.error());
  const Status saved = co_await parts_.registry.save(*name, *version);
  if (!saved) co_return Failure(saved.error());
  co_return Answer{};
}

// Objects

net::Task<Result<Answer>> Operations::put(Request& request) {
  const Result<std::string> key = wire::require_string(request.head, "key");
  if (!key) co_return Failure(key.error());
  Result<StoredValue> value =
      StoredValue::store(request.head, request.body, parts_.segments, parts_.value_budget);
  if (!value) co_return Failure(value.error());
  std::string type = wire::find_string(request.head, "type").value_or("").substr(0, kMaxTypeName);
  const Status put = parts_.objects.put(*key, *std::move(value), std::move(type));
  if (!put) co_return Failure(put.error());
  co_return Answer{};
}

net::Task<Result<Answer>> Operations::get(Request& request) {
  const Result<std::string> key = wire::require_string(request.head, "key");
  if (!key) co_return Failure(key.error());
  if (const LiveObjectPtr object = parts_.objects.find_live(*key)) {
    co_return Answer{{{"kind", "live"},
                      {"o", object->id},
                      {"cls", object->class_name},
                      {"describe", object->describe}},
                     {}};
  }
  const StoredValue* value = parts_.objects.find_value(*key);
  if (value == nullptr) co_return Failure(parts_.objects.not_found(*key));
  Result<StoredValue::Loaded> loaded = value->load(reader_of(request));
  if (!loaded) co_return Failure(loaded.error());
  loaded->head["kind"] = "value";
  co_return Answer{std::move(loaded->head), std::move(loaded->body)};
}

net::Task<Result<Answer>> Operations::keys(Request&) {
  co_return Answer{{{"keys", parts_.objects.names()}}, {}};
}

net::Task<Result<Answer>> Operations::remove(Request& request) {
  const Result<std::string> key = wire::require_string(request.head, "key");
  if (!key) co_return Failure(key.error());
  const Status removed = parts_.objects.remove(*key);
  if (!removed) co_return Failure(removed.error());
  co_return Answer{};
}

net::Task<Result<Answer>> Operations::rename(Request& request) {
  const Result<std::string> key = wire::require_string(request.head, "key");
  const Result<std::string> to = wire::require_string(request.head, "to");
  if (!key) co_return Failure(key.error());
  if (!to) co_return Failure(to.error());
  const Status renamed = parts_.objects.rename(*key, *to);
  if (!renamed) co_return Failure(renamed.error());
  co_return Answer{};
}

net::Task<Result<Answer>> Operations::segment(Request& request) {
  const auto size = wire::find_number(request.head, "size");
  if (!size || !(*size >= 1 && *size <= 1e15))
    co_return fail(ErrorKind::kInvalid, "a segment has a size in bytes");
  const Result<Segments::Grant> made =
      parts_.segments.make(static_cast<std::uint64_t>(*size), request.session);
  if (!made) co_return Failure(made.error());
  co_return Answer{{{"id", made->id},
                    {"path", made->path},
                    {"inode", made->inode},
                    {"size", made->size},
                    {"disk", made->on_disk}},
                   {}};
}

net::Task<Result<Answer>> Operations::close_segment(Request& request) {
  const auto id = wire::find_number(request.head, "id");
  if (id && *id >= 0) parts_.segments.close(static_cast<std::uint64_t>(*id), request.session);
  co_return Answer{};
}

}  // namespace leanto::node
