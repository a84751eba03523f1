#include "store/ledger.h"
#include "store/query.h"

namespace leanto {
namespace {

TokenRecord read_token(const Statement& row) {
  return {row.text(0), row.text(1), row.text(2), row.integer(3), row.integer(4)};
}

}  // namespace

Status Ledger::put_token(const TokenRecord& token) {
  return execute(database_,
                 "INSERT OR REPLACE INTO tokens (id, digest, rights, created_at, expires_at) "
                 "VALUES (?, ?, ?, ?, ?)",
                 token.id, token.digest, token.rights, token.created_at, token.expires_at);
}

Result<std::vector<TokenRecord>> Ledger::tokens() {
  return all_rows(database_, read_token,
                  "SELECT id, digest, rights, created_at, expires_at FROM tokens "
                  "ORDER BY created_at, id");
}

Status Ledger::remove_token(std::string_view id) {
  const auto changed = change(database_, "DELETE FROM tokens WHERE id = ?", id);
  if (!changed) return Failure(changed.error());
  if (*changed == 0) return fail(ErrorKind::kNotFound, "there is no token {}", id);
  return {};
}

}  // namespace leanto
