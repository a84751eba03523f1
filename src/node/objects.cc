#include "node/objects.h"

#include <algorithm>
#include <utility>

#include "base/nearest.h"
#include "node/ids.h"

namespace leanto::node {

using wire::FrameType;
using wire::Json;

namespace {

Error taken(const std::string& name) {
  return {ErrorKind::kAlreadyExists,
          fmt::format("there is an object named '{0}' already; get it with .get('{0}') or "
                      "get_if_exists=True, or delete "
                      "it first with .delete('{0}')",
                      name)};
}

Json handle_of(const LiveObject& object) {
  return {{"kind", "live"},
          {"o", object.id},
          {"cls", object.class_name},
          {"describe", object.describe}};
}

TargetPtr make_target(const LiveObject& object, ServicePtr service) {
  auto target = std::make_shared<Target>();
  target->kind = TargetKind::kObject;
  target->service = std::move(service);
  target->object_id = object.id;
  target->label = object.name.empty() ? object.id : "'" + object.name + "'";
  target->starting = 1;
  return target;
}

void answer(Call& call, FrameType type, std::string_view head, wire::Body body = {}) {
  const auto caller = call.caller.lock();
  if (!caller || call.answered) return;
  caller->reply(type, call.stream, head, std::move(body));
  caller->ended(call.stream);
}

}  // namespace

std::int64_t Objects::now() const {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             parts_.clock.wall().time_since_epoch())
      .count();
}

Status Objects::restore(Ledger& ledger) {
  const auto ended = ledger.end_all_live(
      "the node on this machine was restarted, and it lived in its memory", now());
  if (!ended) return Failure(ended.error());
  if (const Status pruned = ledger.prune_ended_objects(1000); !pruned) return pruned;
  const Result<std::vector<ObjectRecord>> objects = ledger.objects();
  if (!objects) return Failure(objects.error());
  for (const ObjectRecord& object : *objects) {
    if (!object.name || !object.ended_at) continue;
    ended_.try_emplace(*object.name, object.end_reason);
    former_names_.try_emplace(object.id, *object.name);
  }
  return {};
}

bool Objects::is_taken(const std::string& name) const {
  return names_.contains(name) || values_.contains(name);
}

// Waits until nobody else makes an object of that name. False: the caller has been answered.
net::Task<bool> Objects::claim_name(const wire::CallHead& head, Call& call) {
  const std::string& name = head.object_name;
  while (true) {
    if (const LiveObjectPtr object = find_live(name); object && head.get_if_exists) {
      answer(call, FrameType::kResult, wire::encode_head(handle_of(*object)));
      co_return false;
    }
    if (is_taken(name)) {
      answer(call, FrameType::kError, wire::encode_error(taken(name)));
      co_return false;
    }
    const auto other = being_made_.find(name);
    if (other == being_made_.end()) break;
    const std::shared_ptr<net::Event> made = other->second;
    co_await made->wait();
  }
  being_made_[name] = std::make_shared<net::Event>(parts_.loop);
  co_return true;
}

net::Task<Result<std::shared_ptr<Worker>>> Objects::take_worker(
    ServicePtr service, std::string session, std::optional<std::uint32_t> max_queue) {
  const TargetPtr target = parts_.launcher.target_of(service);
  if (auto idle = parts_.calls.take_idle_worker(target)) co_return idle;
  if (max_queue) {
    const Status may_wait = parts_.launcher.check_queue(*service, *max_queue);
    if (!may_wait) co_return Failure(may_wait.error());
  }
  co_return co_await parts_.launcher.launch(service, std::move(session));
}

net::Task<> Objects::create(ServicePtr service, wire::CallHead head, std::unique_ptr<Call> call,
                            std::string session) {
  const std::string name = head.object_name;
  if (!name.empty()) {
    const bool claimed = co_await claim_name(head, *call);
    if (!claimed) co_return;
  }
  Result<std::shared_ptr<Worker>> worker = co_await take_worker(service, session, head.max_queue);
  if (!worker) {
    if (auto made = being_made_.extract(name)) made.mapped()->set();
    answer(*call, FrameType::kError, wire::encode_error(worker.error()));
    co_return;
  }
  auto object = std::make_shared<LiveObject>();
  object->id = make_object_id();
  object->name = name;
  object->session = std::move(session);
  object->made_at = now();
  object->target = make_target(*object, service);
  parts_.calls.worker_started(object->target, *std::move(worker));

  // The caller is answered here and not by Calls, because the answer names the object.
  const auto asked = std::make_shared<Call>();
  asked->caller = call->caller;
  asked->stream = call->stream;
  call->on_answer = [this, object, asked](FrameType type, std::string_view answer_head,
                                          wire::Body body) {
    on_made(object, asked, type, answer_head, std::move(body));
  };
  live_[object->id] = object;
  parts_.calls.submit(object->target, std::move(call), head);
}

LiveObjectPtr Objects::revive(const std::string& id, ServicePtr service, const Json& said) {
  if (const auto found = live_.find(id); found != live_.end()) return found->second;
  auto object = std::make_shared<LiveObject>();
  object->id = id;
  const auto name = former_names_.find(id);
  if (name != former_names_.end() && !is_taken(name->second) && !being_made_.contains(name->second))
    object->name = name->second;
  object->made_at = now();
  object->class_name = said.value("cls", "object");
  object->describe = said.value("describe", Json::object());
  object->target = make_target(*object, std::move(service));
  live_[id] = object;
  ended_.erase(id);
  if (object->name.empty()) return object;
  names_[object->name] = id;
  ended_.erase(object->name);
  record(*object);
  return object;
}

void Objects::on_made(const LiveObjectPtr& object, const std::shared_ptr<Call>& asked,
                      FrameType type, std::string_view head, wire::Body body) {
  const auto made =
      object->name.empty() ? decltype(being_made_)::node_type() : being_made_.extract(object->name);
  const Result<Json> said = wire::decode_head(head);
  if (type == FrameType::kResult && said) {
    object->class_name = said->value("cls", "object");
    object->describe = said->value("describe", Json::object());
    if (!object->name.empty()) {
      names_[object->name] = object->id;
      ended_.erase(object->name);
      record(*object);
    }
    answer(*asked, FrameType::kResult, wire::encode_head(handle_of(*object)));
    if (object->name.empty() && asked->caller.expired())
      end(object, "the program that made it has ended");
  } else {
    answer(*asked, type, head, std::move(body));
    end(object, "it could not be made");
  }
  if (made) made.mapped()->set();
}

void Objects::renew(const LiveObjectPtr& object, ServicePtr service, const Json& said) {
  object->target->service = std::move(service);
  object->class_name = said.value("cls", object->class_name);
  object->describe = said.value("describe", object->describe);
  if (!object->name.empty() && live_.contains(object->id)) record(*object);
}

void Objects::record(const LiveObject& object) {
  auto write = [](Objects& self, ObjectRecord record) -> net::Task<> {
    auto put = [record = std::move(record)](Ledger& ledger) { return ledger.put_object(record); };
    (void)co_await self.parts_.ledger.with(std::move(put));
  };
  ObjectRecord record{
      object.id, object.name, ObjectKind::kLive, object.target->service->version, 1, now(), {}, {}};
  parts_.loop.spawn("record an object", write(*this, std::move(record)));
}

Result<TargetPtr> Objects::get_target(const std::string& id) const {
  if (const auto found = live_.find(id); found != live_.end()) return found->second->target;
  if (const auto why = ended_.find(id); why != ended_.end()) {
    return fail(ErrorKind::kNotFound, "{}", why->second);
  }
  return fail(ErrorKind::kNotFound,
              "the object {} is gone: it was deleted, or the node was restarted", id);
}

LiveObjectPtr Objects::find_live(const std::string& name) const {
  const auto found = names_.find(name);
  return found == names_.end() ? nullptr : live_.at(found->second);
}

const StoredValue* Objects::find_value(const std::string& name) const {
  const auto found = values_.find(name);
  return found == values_.end() ? nullptr : &found->second.value;
}

Error Objects::not_found(const std::string& name) const {
  std::string message = fmt::format("there is no object named '{}'", name);
  if (const auto why = ended_.find(name); why != ended_.end()) {
    message += fmt::format(" any more: {}", why->second);
  } else {
    message += did_you_mean(name, names());
  }
  return {ErrorKind::kNotFound, message};
}

Status Objects::put(const std::string& name, StoredValue value, std::string type) {
  if (names_.contains(name) || being_made_.contains(name)) return Failure(taken(name));
  values_.insert_or_assign(name, NamedValue{std::move(value), std::move(type), now()});
  return {};
}

Status Objects::remove(const std::string& name) {
  if (values_.erase(name) > 0) return {};
  const LiveObjectPtr object = find_live(name);
  if (!object) return Failure(not_found(name));
  end(object, "it was deleted");
  return {};
}

Status Objects::rename(const std::string& from, const std::string& to) {
  if (from == to) return {};
  if (is_taken(to) || being_made_.contains(to)) return Failure(taken(to));
  if (auto value = values_.extract(from)) {
    value.key() = to;
    values_.insert(std::move(value));
    return {};
  }
  const LiveObjectPtr object = find_live(from);
  if (!object) return Failure(not_found(from));
  names_.erase(from);
  names_[to] = object->id;
  object->name = to;
  record(*object);
  return {};
}

void Objects::release(const std::string& id, const std::string& session) {
  const auto found = live_.find(id);
  if (found == live_.end() || !found->second->name.empty()) return;
  if (found->second->session == session) end(found->second, "its last handle is gone");
}

void Objects::end_session(const std::string& session) {
  std::vector<LiveObjectPtr> ending;
  for (const auto& [id, object] : live_) {
    if (object->name.empty() && object->session == session) ending.push_back(object);
  }
  for (const LiveObjectPtr& object : ending) end(object, "the program that made it has ended");
}

void Objects::end(LiveObjectPtr object, const std::string& reason) {
  on_ended(object->id, {ErrorKind::kNotFound, reason});
  const Error error{ErrorKind::kNotFound,
                    fmt::format("the object {} is gone: {}", object->target->label, reason)};
  parts_.calls.end_object(object->target, error);
}

void Objects::on_ended(const std::string& id, const Error& reason) {
  const auto found = live_.find(id);
  if (found == live_.end()) return;
  const LiveObjectPtr object = found->second;
  live_.erase(found);
  if (ended_.size() < 10'000) {
    ended_[id] = fmt::format("the object {} is gone: {}", object->target->label, reason.message);
  }
  if (object->name.empty()) return;
  names_.erase(object->name);
  ended_[object->name] = reason.message;
  auto write = [](Objects& self, std::string object_id, std::string why) -> net::Task<> {
    auto end = [=, at = self.now()](Ledger& ledger) {
      return ledger.end_object(object_id, why, at);
    };
    (void)co_await self.parts_.ledger.with(std::move(end));
  };
  parts_.loop.spawn("record an object's end", write(*this, id, reason.message));
}

std::vector<std::string> Objects::names() const {
  std::vector<std::string> all;
  for (const auto& [name, id] : names_) all.push_back(name);
  for (const auto& [name, value] : values_) all.push_back(name);
  std::sort(all.begin(), all.end());
  return all;
}

}  // namespace leanto::node
