#include "node/kept_values.h"

#include <chrono>
#include <utility>

#include "node/ids.h"

namespace leanto::node {

using wire::Json;

std::int64_t KeptValues::now() const {
  return std::chrono::duration_cast<std::chrono::milliseconds>(clock_.wall().time_since_epoch())
      .count();
}

Result<Json> KeptValues::keep(std::string_view result_head, const wire::Body& body,
                              const std::string& session) {
  const Result<Json> said = wire::decode_head(result_head);
  if (!said) return Failure(said.error());
  Result<StoredValue> value = StoredValue::store(*said, body, segments_, budget_);
  if (!value) return Failure(value.error());
  const std::uint64_t size = value->size();
  const std::string id = make_object_id();
  values_.emplace(id, Kept{session, *std::move(value), now()});
  return Json{{"kind", "value"}, {"o", id}, {"size", size}};
}

Status KeptValues::check(const std::string& id) const {
  if (values_.contains(id)) return {};
  return fail(ErrorKind::kNotFound,
              "the value {} is not here any more: it was deleted, or the program that had it made "
              "has ended; make it again, or keep it under a name with .put()",
              id);
}

Result<StoredValue::Loaded> KeptValues::fetch(const std::string& id, Reader reader) const {
  if (const Status known = check(id); !known) return Failure(known.error());
  Result<StoredValue::Loaded> loaded = values_.at(id).value.load(reader);
  if (loaded) loaded->head["kind"] = "value";
  return loaded;
}

bool KeptValues::release(const std::string& id, const std::string& session) {
  const auto found = values_.find(id);
  if (found == values_.end() || found->second.session != session) return false;
  values_.erase(found);
  return true;
}

void KeptValues::end_session(const std::string& session) {
  std::erase_if(values_, [&session](const auto& each) { return each.second.session == session; });
}

std::vector<KeptValues::Row> KeptValues::rows() const {
  std::vector<Row> rows;
  for (const auto& [id, kept] : values_)
    rows.push_back({id, kept.session, kept.value.size(), kept.at});
  return rows;
}

}  // namespace leanto::node
