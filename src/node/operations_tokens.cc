// The operations on tokens: making them, showing what there is of them, and taking them back.
#include "node/operations.h"
#include "os/local_addresses.h"
#include "wire/join_word.h"

namespace leanto::node {

using wire::Json;

namespace {

Json token_row(const Token& token) {
  Json rights = Json::array();
  for (const Right right : token.rights) rights.push_back(right_name(right));
  return {{"id", token.id},
          {"rights", rights},
          {"created_at", token.created_at},
          {"expires_at", token.expires_at}};
}

// What others call this machine: as they were told, or the address that it listens on, or, where
// that is any, one that it has.
std::string host_to_join(const TlsFacts& tls, std::string told) {
  if (!told.empty()) return told;
  if (!tls.is_any()) return tls.address.host;
  const std::vector<std::string> own = local_addresses();
  return own.empty() ? tls.address.host : own.front();
}

}  // namespace

net::Task<Result<Answer>> Operations::token_create(Request& request) {
  const Result<std::string> text = wire::require_string(request.head, "rights");
  if (!text) co_return Failure(text.error());
  Result<std::vector<Right>> rights = parse_rights(*text);
  if (!rights) co_return Failure(rights.error());
  if (wire::find_flag(request.head, "join", false) && parts_.facts.tls.fingerprint.empty()) {
    co_return fail(
        ErrorKind::kInvalid,
        "nobody can join this node, because it doesn't listen where other machines reach it: "
        "leanto restart --node --listen 0.0.0.0:7433, or listen in [http] of {}",
        parts_.facts.config_file);
  }
  const double seconds = wire::find_number(request.head, "lifetime").value_or(0);
  const double longest = std::chrono::duration<double>(Tokens::kMaxLifetime).count();
  if (!(seconds > 0 && seconds <= longest)) {
    co_return fail(ErrorKind::kInvalid,
                   "a token lives for more than 0s and at most ten years, not for {} s", seconds);
  }
  const auto lifetime =
      std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
  const Result<Tokens::Made> made = co_await parts_.tokens.create(*std::move(rights), lifetime);
  if (!made) co_return Failure(made.error());
  Answer answer{token_row(made->token), {}};
  answer.head["token"] = made->text;
  if (const TlsFacts& tls = parts_.facts.tls; !tls.fingerprint.empty()) {
    const std::string host =
        host_to_join(tls, wire::find_string(request.head, "host").value_or(""));
    answer.head["tls"] = {{"address", tls.address.text()}, {"fingerprint", tls.fingerprint}};
    answer.head["join"] =
        wire::JoinWord{host, tls.address.port, tls.fingerprint, made->text}.text();
  }
  co_return answer;
}

net::Task<Result<Answer>> Operations::token_list(Request&) {
  Json tokens = Json::array();
  for (const Token& token : parts_.tokens.all()) tokens.push_back(token_row(token));
  co_return Answer{{{"tokens", tokens}}, {}};
}

net::Task<Result<Answer>> Operations::token_revoke(Request& request) {
  const Result<std::string> id = wire::require_string(request.head, "id");
  if (!id) co_return Failure(id.error());
  const Status revoked = co_await parts_.tokens.revoke(*id);
  if (!revoked) co_return Failure(revoked.error());
  co_return Answer{};
}

}  // namespace leanto::node
