#include "node/kept_values.h"

#include <utility>

#include "node/ids.h"

namespace leanto::node {

using wire::Json;

Result<Json> KeptValues::keep(std::string_view result_head, const wire::Body& body,
                              const std::string& session) {
  const Result<Json> said = wire::decode_head(result_head);
  if (!said) return Failure(said.error());
  Result<StoredValue> stored = StoredValue::store(body.view(), said->value("b", Json()));
  if (!stored) return Failure(stored.error());
  Kept kept{session, *std::move(stored), std::nullopt, nullptr};
  std::uint64_t size = body.size();
  if (const auto words = said->find("seg"); words != said->end()) {
    const auto inode = wire::find_number(*words, "i");
    Result<Segment> segment = segments_.take_over(static_cast<std::uint64_t>(inode.value_or(0)));
    if (!segment) return Failure(segment.error());
    kept.segment.emplace(*std::move(segment));
    kept.segment_words = *words;
    kept.segment_words["k"] = true;  // it's read by many, and never written to again
    size += kept.segment->size();
  }
  const std::string id = make_object_id();
  values_.emplace(id, std::move(kept));
  return Json{{"kind", "value"}, {"o", id}, {"size", size}};
}

Result<KeptValues::Fetched> KeptValues::fetch(const std::string& id) const {
  const auto found = values_.find(id);
  if (found == values_.end()) {
    return fail(ErrorKind::kNotFound,
                "the value {} is not here any more: it was deleted, or the program that had it "
                "made has ended; make it again, or keep it under a name with .put()",
                id);
  }
  const Kept& kept = found->second;
  Result<wire::Body> body = kept.value.load();
  if (!body) return Failure(body.error());
  Fetched fetched{{{"kind", "value"}}, *std::move(body)};
  if (!kept.value.sizes.is_null()) fetched.head["b"] = kept.value.sizes;
  if (kept.segment) fetched.head["seg"] = kept.segment_words;
  return fetched;
}

bool KeptValues::release(const std::string& id, const std::string& session) {
  const auto found = values_.find(id);
  if (found == values_.end() || found->second.session != session) return false;
  drop(std::move(values_.extract(found).mapped()));
  return true;
}

void KeptValues::end_session(const std::string& session) {
  for (auto each = values_.begin(); each != values_.end();) {
    const auto next = std::next(each);
    if (each->second.session == session) drop(std::move(values_.extract(each).mapped()));
    each = next;
  }
}

void KeptValues::drop(Kept kept) {
  if (kept.segment) kept.segment->leave();
}

}  // namespace leanto::node
