#include "node/tokens.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/digest.h"
#include "base/nearest.h"
#include "node/secret_text.h"

namespace leanto::node {

namespace {

constexpr std::array<std::pair<Right, std::string_view>, 4> kRights{{
    {Right::kCall, "call"},
    {Right::kDeploy, "deploy"},
    {Right::kDebug, "debug"},
    {Right::kAdmin, "admin"},
}};

constexpr std::string_view kPrefix = "lt_";
constexpr std::size_t kIdSize = 8;       // hex digits
constexpr std::size_t kSecretSize = 64;  // hex digits

std::string_view id_in(std::string_view text) {
  const std::size_t size = kPrefix.size() + kIdSize + 1 + kSecretSize;
  if (text.size() != size || !text.starts_with(kPrefix)) return {};
  return text.substr(kPrefix.size(), kIdSize);
}

}  // namespace

std::string_view right_name(Right right) {
  for (const auto& [each, name] : kRights) {
    if (each == right) return name;
  }
  return "call";
}

Result<std::vector<Right>> parse_rights(std::string_view text) {
  std::vector<Right> rights;
  while (true) {
    const std::size_t comma = text.find(',');
    const std::string_view word = text.substr(0, comma);
    const auto* const found = std::find_if(kRights.begin(), kRights.end(),
                                           [&](const auto& row) { return row.second == word; });
    if (found == kRights.end()) {
      std::vector<std::string> names;
      for (const auto& [right, name] : kRights) names.emplace_back(name);
      return fail(ErrorKind::kInvalid, "'{}' is no right{}; there are: call, deploy, debug, admin",
                  word, did_you_mean(word, names));
    }
    if (std::find(rights.begin(), rights.end(), found->first) == rights.end()) {
      rights.push_back(found->first);
    }
    if (comma == std::string_view::npos) return rights;
    text.remove_prefix(comma + 1);
  }
}

std::string rights_text(const std::vector<Right>& rights) {
  std::string text;
  for (const Right right : rights) {
    if (!text.empty()) text += ',';
    text += right_name(right);
  }
  return text;
}

bool Token::may(Right right) const {
  return std::find(rights.begin(), rights.end(), right) != rights.end();
}

std::int64_t Tokens::now() const {
  return std::chrono::duration_cast<std::chrono::milliseconds>(clock_.wall().time_since_epoch())
      .count();
}

Status Tokens::restore(Ledger& ledger) {
  const auto records = ledger.tokens();
  if (!records) return Failure(records.error());
  for (const TokenRecord& record : *records) {
    const Result<std::vector<Right>> rights = parse_rights(record.rights);
    if (!rights) continue;  // of a newer leanto: a right that isn't known here is not given
    tokens_[record.id] = {record.digest,
                          {record.id, *rights, record.created_at, record.expires_at}};
  }
  return {};
}

net::Task<Result<Tokens::Made>> Tokens::create(std::vector<Right> rights, Duration lifetime) {
  if (lifetime <= Duration::zero() || lifetime > kMaxLifetime) {
    co_return fail(ErrorKind::kInvalid, "a token lives for more than 0s and at most ten years");
  }
  const Result<std::string> id = random_hex(kIdSize);
  const Result<std::string> secret = random_hex(kSecretSize);
  if (!id) co_return Failure(id.error());
  if (!secret) co_return Failure(secret.error());
  const std::string text = fmt::format("{}{}_{}", kPrefix, *id, *secret);
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(lifetime).count();
  Token token{*id, std::move(rights), now(), now() + ms};
  const std::string digest = Digest::of(text).hex();
  TokenRecord record{token.id, digest, rights_text(token.rights), token.created_at,
                     token.expires_at};
  auto keep = [record = std::move(record)](Ledger& ledger) { return ledger.put_token(record); };
  const Status kept = co_await ledger_.with(std::move(keep));
  if (!kept) co_return Failure(kept.error());
  tokens_[token.id] = {digest, token};
  co_return Made{text, std::move(token)};
}

net::Task<Status> Tokens::revoke(std::string id) {
  if (tokens_.erase(id) == 0) {
    co_return fail(ErrorKind::kNotFound, "there is no token {}; `leanto token ls` lists them", id);
  }
  auto forget = [id](Ledger& ledger) { return ledger.remove_token(id); };
  co_return co_await ledger_.with(std::move(forget));
}

Result<Token> Tokens::check(std::string_view text) const {
  const auto found = tokens_.find(id_in(text));
  if (!is_secret(text, found == tokens_.end() ? nullptr : &found->second.digest)) {
    return fail(ErrorKind::kAccessDenied,
                "this token is not one of this node; make one: leanto token create");
  }
  const Token& token = found->second.token;
  if (const Status good = check_time(token); !good) return Failure(good.error());
  return token;
}

Status Tokens::check_id(std::string_view id) const {
  const auto found = tokens_.find(id);
  if (found != tokens_.end()) return check_time(found->second.token);
  return fail(ErrorKind::kAccessDenied, "the token {} was revoked", id);
}

Status Tokens::check_time(const Token& token) const {
  if (now() < token.expires_at) return {};
  return fail(ErrorKind::kAccessDenied,
              "the token {} has expired; make another: leanto token create --rights {}", token.id,
              rights_text(token.rights));
}

std::optional<std::int64_t> Tokens::expires_at(std::string_view id) const {
  const auto found = tokens_.find(id);
  if (found == tokens_.end()) return std::nullopt;
  return found->second.token.expires_at;
}

std::vector<Token> Tokens::all() const {
  std::vector<Token> all;
  for (const auto& [id, kept] : tokens_) all.push_back(kept.token);
  const auto older = [](const Token& a, const Token& b) { return a.created_at < b.created_at; };
  std::stable_sort(all.begin(), all.end(), older);
  return all;
}

}  // namespace leanto::node
