#include "store/migrations.h"

#include <charconv>

namespace leanto {
namespace {

Result<std::int64_t> number_of(const embedded::EmbeddedFile& migration) {
  std::int64_t number = 0;
  const char* const path_end = migration.path.data() + migration.path.size();
  const auto [end, error] = std::from_chars(migration.path.data(), path_end, number);
  if (error != std::errc() || number <= 0 || end == path_end || *end != '_') {
    return fail(ErrorKind::kInternal, "the migration {} is not named like 001_what.sql",
                migration.path);
  }
  return number;
}

Result<std::int64_t> read_version(Database& database) {
  auto query = database.prepare("PRAGMA user_version");
  if (!query) return Failure(query.error());
  const auto row = query->step();
  if (!row) return Failure(row.error());
  return query->integer(0);
}

Status apply(Database& database, const embedded::EmbeddedFile& migration, std::int64_t number) {
  auto transaction = Transaction::begin(database);
  if (!transaction) return Failure(transaction.error());
  if (auto run = database.run(std::string(migration.contents)); !run) return run;
  if (auto set = database.run(fmt::format("PRAGMA user_version = {}", number)); !set) return set;
  return transaction->commit();
}

}  // namespace

Status refuse_newer(Database& database, std::span<const embedded::EmbeddedFile> migrations) {
  const auto version = read_version(database);
  if (!version) return Failure(version.error());
  std::int64_t newest = 0;
  for (const auto& migration : migrations) {
    const auto number = number_of(migration);
    if (!number) return Failure(number.error());
    newest = *number;
  }
  if (*version <= newest) return {};
  database.leave_untouched();
  return fail(
      ErrorKind::kInvalid,
      "{} was made by a newer leanto (schema {}, this one knows up to {}); it was not changed. "
      "Use that leanto again, or set XDG_STATE_HOME to another directory",
      database.path(), *version, newest);
}

Status migrate(Database& database, std::span<const embedded::EmbeddedFile> migrations) {
  if (auto known = refuse_newer(database, migrations); !known) return known;
  const auto version = read_version(database);
  if (!version) return Failure(version.error());
  for (const auto& migration : migrations) {
    const auto number = number_of(migration);
    if (*number <= *version) continue;
    if (auto applied = apply(database, migration, *number); !applied) return applied;
  }
  return {};
}

}  // namespace leanto
