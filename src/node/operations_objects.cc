// The operation that tells what is kept in this node's memory.
#include "node/operations.h"
#include "node/worker_report.h"

namespace leanto::node {

using wire::Json;

namespace {

Json text_or_null(const std::string& text) { return text.empty() ? Json() : Json(text); }

Json row_of(const LiveObject& object) {
  Json row = {{"key", text_or_null(object.name)},
              {"id", object.id},
              {"kind", "instance"},
              {"type", text_or_null(object.class_name)},
              {"service", object.target->service->name},
              {"version", object.target->service->version},
              {"since", object.made_at}};
  if (object.name.empty()) row["session"] = object.session;
  if (!object.target->workers.empty()) {
    const Worker& worker = *object.target->workers.front();
    row["pid"] = worker.pid();
    row["calls"] = worker.running();
    row["memory"] = memory_of(worker);
  }
  return row;
}

Json row_of(const std::string& name, const NamedValue& value) {
  return {{"key", name},
          {"kind", "value"},
          {"type", text_or_null(value.type)},
          {"size", value.value.size()},
          {"on_disk", value.value.is_on_disk()},
          {"since", value.put_at}};
}

Json row_of(const KeptValues::Row& kept) {
  return {{"key", nullptr},    {"id", kept.id},         {"kind", "result"},
          {"size", kept.size}, {"since", kept.kept_at}, {"session", kept.session}};
}

}  // namespace

net::Task<Result<Answer>> Operations::objects(Request&) {
  Json rows = Json::array();
  for (const auto& [id, object] : parts_.objects.live()) rows.push_back(row_of(*object));
  for (const auto& [name, value] : parts_.objects.values()) rows.push_back(row_of(name, value));
  for (const KeptValues::Row& kept : parts_.kept.rows()) rows.push_back(row_of(kept));
  // A head has its limit, a body has room: one JSON text.
  const std::string text = rows.dump(-1, ' ', false, Json::error_handler_t::replace);
  co_return Answer{Json::object(), wire::Body(std::string_view(text)).to_owned()};
}

}  // namespace leanto::node
