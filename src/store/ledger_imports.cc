#include "store/ledger.h"
#include "store/query.h"

namespace leanto {
namespace {

std::string read_text(const Statement& row) { return row.text(0); }
std::int64_t read_integer(const Statement& row) { return row.integer(0); }

struct Learned {
  std::int64_t count = 0;
  std::int64_t next_position = 0;
};

Result<Learned> count_learned(Database& database, std::string_view environment) {
  const auto learned = first_row(
      database, [](const Statement& row) { return Learned{row.integer(0), row.integer(1)}; },
      "SELECT count(*), coalesce(max(position) + 1, 0) FROM imports WHERE environment = ?",
      environment);
  if (!learned) return Failure(learned.error());
  return learned->value_or(Learned());
}

Result<bool> is_refused(Database& database, std::string_view environment, std::string_view module) {
  const auto refused = first_row(
      database, read_integer, "SELECT 1 FROM refused_imports WHERE environment = ? AND module = ?",
      environment, module);
  if (!refused) return Failure(refused.error());
  return refused->has_value();
}

Status learn(Database& database, std::string_view environment, const std::string& module,
             Learned& learned) {
  const auto refused = is_refused(database, environment, module);
  if (!refused) return Failure(refused.error());
  if (*refused) return {};
  const auto added = change(
      database, "INSERT OR IGNORE INTO imports (environment, module, position) VALUES (?, ?, ?)",
      environment, module, learned.next_position);
  if (!added) return Failure(added.error());
  learned.count += *added;
  learned.next_position += *added;
  return {};
}

}  // namespace

Status Ledger::learn_imports(std::string_view environment, std::span<const std::string> modules) {
  auto transaction = Transaction::begin(database_);
  if (!transaction) return Failure(transaction.error());
  auto learned = count_learned(database_, environment);
  if (!learned) return Failure(learned.error());
  for (const std::string& module : modules) {
    if (learned->count >= static_cast<std::int64_t>(kMaxLearnedImports)) break;
    if (auto done = learn(database_, environment, module, *learned); !done) return done;
  }
  return transaction->commit();
}

Result<std::vector<std::string>> Ledger::imports(std::string_view environment) {
  return all_rows(database_, read_text,
                  "SELECT module FROM imports WHERE environment = ? ORDER BY position",
                  environment);
}

Status Ledger::forget_import(std::string_view environment, std::string_view module) {
  return execute(database_, "DELETE FROM imports WHERE environment = ? AND module = ?", environment,
                 module);
}

Status Ledger::refuse_import(std::string_view environment, std::string_view module,
                             std::string_view reason) {
  auto transaction = Transaction::begin(database_);
  if (!transaction) return Failure(transaction.error());
  if (auto forgotten = forget_import(environment, module); !forgotten) return forgotten;
  auto refused = execute(
      database_,
      "INSERT OR REPLACE INTO refused_imports (environment, module, reason) VALUES (?, ?, ?)",
      environment, module, reason);
  return refused ? transaction->commit() : refused;
}

Result<std::vector<RefusedImport>> Ledger::refused_imports(std::string_view environment) {
  return all_rows(
      database_, [](const Statement& row) { return RefusedImport{row.text(0), row.text(1)}; },
      "SELECT module, reason FROM refused_imports WHERE environment = ? ORDER BY module",
      environment);
}

}  // namespace leanto
