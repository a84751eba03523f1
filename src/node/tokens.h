// Tokens: who may use this node over TCP, for what and until when.
//
// A token is `lt_ID_SECRET`, a secret of 256 random bits. It's shown once, when it's made; what is
// kept is its digest, and comparing takes the same time whatever is wrong.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "node/ledger_access.h"

namespace leanto::node {

enum class Right { kCall, kDeploy, kDebug, kAdmin };

std::string_view right_name(Right right);
// "call,admin": at least one, in any order. kInvalid.
Result<std::vector<Right>> parse_rights(std::string_view text);
std::string rights_text(const std::vector<Right>& rights);

struct Token {
  std::string id;
  std::vector<Right> rights;
  std::int64_t created_at = 0;  // milliseconds since 1970
  std::int64_t expires_at = 0;

  bool may(Right right) const;
};

class Tokens {
 public:
  static constexpr Duration kMaxLifetime = std::chrono::hours(24 * 3650);

  Tokens(LedgerAccess& ledger, const Clock& clock) : ledger_(ledger), clock_(clock) {}

  // What the ledger has, at the start of the node.
  Status restore(Ledger& ledger);

  struct Made {
    std::string text;  // the token itself
    Token token;
  };
  net::Task<Result<Made>> create(std::vector<Right> rights, Duration lifetime);
  // It's good for nothing as soon as this is called. kNotFound.
  net::Task<Status> revoke(std::string id);

  // Whose token this is. kAccessDenied: nobody's, or it has expired.
  Result<Token> check(std::string_view text) const;
  // Whether the token of that id is still good. kAccessDenied: it was revoked, or has expired.
  Status check_id(std::string_view id) const;
  // Milliseconds since 1970; nothing if there is no such token (any more).
  std::optional<std::int64_t> expires_at(std::string_view id) const;
  std::vector<Token> all() const;  // oldest first, also those that have expired

 private:
  struct Kept {
    std::string digest;
    Token token;
  };
  std::int64_t now() const;
  Status check_time(const Token& token) const;

  LedgerAccess& ledger_;
  const Clock& clock_;
  std::map<std::string, Kept, std::less<>> tokens_;  // by id
};

}  // namespace leanto::node
