#include "store/ledger.h"
#include "store/query.h"

namespace leanto {
namespace {

constexpr std::string_view kSelect =
    "SELECT id, name, kind, version, generation, created_at, ended_at, end_reason FROM objects ";

std::string select(std::string_view condition) { return std::string(kSelect).append(condition); }

std::string_view kind_text(ObjectKind kind) { return kind == ObjectKind::kLive ? "live" : "value"; }

ObjectRecord read_object(const Statement& row) {
  return {.id = row.text(0),
          .name = row.find_text(1),
          .kind = row.text(2) == "value" ? ObjectKind::kValue : ObjectKind::kLive,
          .version = row.find_text(3),
          .generation = row.integer(4),
          .created_at = row.integer(5),
          .ended_at = row.find_integer(6),
          .end_reason = row.text(7)};
}

Status no_object(std::string_view id) {
  return fail(ErrorKind::kNotFound, "there is no object {}", id);
}

Status found(const Result<std::int64_t>& changed, std::string_view id) {
  if (!changed) return Failure(changed.error());
  return *changed == 0 ? no_object(id) : Status();
}

// Afterwards nobody but perhaps `id` has the name.
Status free_name(Database& database, const std::optional<std::string>& name, std::string_view id) {
  if (!name) return {};
  const auto holder =
      first_row(database, read_object, select("WHERE name = ? AND id <> ?"), *name, id);
  if (!holder) return Failure(holder.error());
  if (!holder->has_value()) return {};
  if (!(*holder)->ended_at) {
    return fail(ErrorKind::kAlreadyExists,
                "the name {} belongs to the object {}; end that one, or use another name", *name,
                (*holder)->id);
  }
  return execute(database, "UPDATE objects SET name = NULL WHERE id = ?", (*holder)->id);
}

}  // namespace

Status Ledger::put_object(const ObjectRecord& object) {
  auto transaction = Transaction::begin(database_);
  if (!transaction) return Failure(transaction.error());
  if (auto freed = free_name(database_, object.name, object.id); !freed) return freed;
  auto put = execute(database_,
                     "INSERT OR REPLACE INTO objects "
                     "(id, name, kind, version, generation, created_at, ended_at, end_reason) "
                     "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                     object.id, object.name, kind_text(object.kind), object.version,
                     object.generation, object.created_at, object.ended_at, object.end_reason);
  return put ? transaction->commit() : put;
}

Result<std::optional<ObjectRecord>> Ledger::find_object(std::string_view name) {
  return first_row(database_, read_object, select("WHERE name = ?"), name);
}

Result<std::optional<ObjectRecord>> Ledger::find_object_by_id(std::string_view id) {
  return first_row(database_, read_object, select("WHERE id = ?"), id);
}

Result<std::vector<ObjectRecord>> Ledger::objects() {
  return all_rows(database_, read_object, select("ORDER BY created_at DESC, id"));
}

Status Ledger::end_object(std::string_view id, std::string_view reason, std::int64_t ended_at) {
  const auto object = find_object_by_id(id);
  if (!object) return Failure(object.error());
  if (!object->has_value()) return no_object(id);
  return execute(
      database_,
      "UPDATE objects SET ended_at = ?, end_reason = ? WHERE id = ? AND ended_at IS NULL", ended_at,
      reason, id);
}

Result<std::int64_t> Ledger::end_all_live(std::string_view reason, std::int64_t ended_at) {
  return change(database_, "UPDATE objects SET ended_at = ?, end_reason = ? WHERE ended_at IS NULL",
                ended_at, reason);
}

Status Ledger::rename_object(std::string_view id, const std::optional<std::string>& name) {
  auto transaction = Transaction::begin(database_);
  if (!transaction) return Failure(transaction.error());
  if (auto freed = free_name(database_, name, id); !freed) return freed;
  auto renamed = found(change(database_, "UPDATE objects SET name = ? WHERE id = ?", name, id), id);
  return renamed ? transaction->commit() : renamed;
}

Status Ledger::remove_object(std::string_view id) {
  return found(change(database_, "DELETE FROM objects WHERE id = ?", id), id);
}

Status Ledger::prune_ended_objects(std::int64_t keep) {
  return execute(
      database_,
      "DELETE FROM objects WHERE id IN (SELECT id FROM objects WHERE ended_at IS NOT NULL "
      "ORDER BY ended_at DESC, id LIMIT -1 OFFSET ?)",
      keep);
}

}  // namespace leanto
