#include "node/tickets.h"

#include <utility>

#include "base/digest.h"
#include "node/secret_text.h"

namespace leanto::node {

namespace {

constexpr std::string_view kPrefix = "ticket_";
constexpr std::size_t kIdSize = 16;      // hex digits
constexpr std::size_t kSecretSize = 64;  // hex digits

std::string_view id_in(std::string_view text) {
  if (!Tickets::is_ticket(text)) return {};
  return text.substr(kPrefix.size(), kIdSize);
}

}  // namespace

bool Tickets::is_ticket(std::string_view text) {
  return text.size() == kPrefix.size() + kIdSize + 1 + kSecretSize && text.starts_with(kPrefix);
}

void Tickets::forget_expired() {
  std::erase_if(tickets_, [now = clock_.monotonic()](const auto& each) {
    return each.second.expires_at <= now;
  });
}

Result<std::string> Tickets::make(Ticket ticket) {
  forget_expired();
  if (tickets_.size() >= kMaxTickets)
    return fail(ErrorKind::kCapacity, "{} tickets are out; try again", kMaxTickets);
  const Result<std::string> id = random_hex(kIdSize);
  const Result<std::string> secret = random_hex(kSecretSize);
  if (!id) return Failure(id.error());
  if (!secret) return Failure(secret.error());
  std::string text = fmt::format("{}{}_{}", kPrefix, *id, *secret);
  tickets_[*id] = {Digest::of(text).hex(), std::move(ticket), clock_.monotonic() + kLifetime,
                   kMaxUses};
  return text;
}

Result<Ticket> Tickets::use(std::string_view text) {
  forget_expired();
  const auto found = tickets_.find(id_in(text));
  if (!is_secret(text, found == tickets_.end() ? nullptr : &found->second.digest)) {
    return fail(ErrorKind::kAccessDenied,
                "this ticket is not one of this node, or it has expired, or was used {} times",
                kMaxUses);
  }
  Ticket ticket = found->second.ticket;
  if (--found->second.uses_left == 0) tickets_.erase(found);
  return ticket;
}

}  // namespace leanto::node
