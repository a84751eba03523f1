// Running one statement from its text and its parameters to its rows.
#pragma once

#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "store/sqlite.h"

namespace leanto {

template <typename... Parameters>
Result<Statement> bound(Database& database, std::string_view sql, const Parameters&... parameters) {
  auto statement = database.prepare_again(sql);
  if (statement) (statement->bind(parameters), ...);
  return statement;
}

// Every row, as `read(statement)` sees it.
template <typename Read, typename... Parameters>
auto all_rows(Database& database, Read read, std::string_view sql, const Parameters&... parameters)
    -> Result<std::vector<decltype(read(std::declval<const Statement&>()))>> {
  auto statement = bound(database, sql, parameters...);
  if (!statement) return Failure(statement.error());
  std::vector<decltype(read(std::declval<const Statement&>()))> rows;
  for (;;) {
    const auto more = statement->step();
    if (!more) return Failure(more.error());
    if (!*more) return rows;
    rows.push_back(read(*statement));
  }
}

// The first row, if there is one.
template <typename Read, typename... Parameters>
auto first_row(Database& database, Read read, std::string_view sql, const Parameters&... parameters)
    -> Result<std::optional<decltype(read(std::declval<const Statement&>()))>> {
  auto statement = bound(database, sql, parameters...);
  if (!statement) return Failure(statement.error());
  const auto more = statement->step();
  if (!more) return Failure(more.error());
  if (!*more) return std::nullopt;
  return read(*statement);
}

// For statements without rows: how many they changed.
template <typename... Parameters>
Result<std::int64_t> change(Database& database, std::string_view sql,
                            const Parameters&... parameters) {
  auto statement = bound(database, sql, parameters...);
  if (!statement) return Failure(statement.error());
  const auto done = statement->step();
  if (!done) return Failure(done.error());
  return database.changes();
}

// The same where the number doesn't matter.
template <typename... Parameters>
Status execute(Database& database, std::string_view sql, const Parameters&... parameters) {
  const auto changed = change(database, sql, parameters...);
  return changed ? Status() : Status(Failure(changed.error()));
}

}  // namespace leanto
