// Tickets: who has one may fetch one value, or the files of one source tree, of this node, a few
// times within a minute. So another node gets them straight from here (docs/adr/0015).
//
// A ticket is `ticket_ID_SECRET`, a secret of 256 random bits. What is kept is its digest, in
// memory only: nothing of it goes to disk.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/digest.h"
#include "base/result.h"

namespace leanto::node {

// One of the two.
struct Ticket {
  std::string value{};           // the id of the only one that it's for
  std::optional<Digest> tree{};  // the only one that it's for

  friend bool operator==(const Ticket&, const Ticket&) = default;
};

class Tickets {
 public:
  static constexpr Duration kLifetime = std::chrono::seconds(60);
  static constexpr int kMaxUses = 3;  // a connection may break before the value has come
  static constexpr std::size_t kMaxTickets = 1000;

  explicit Tickets(const Clock& clock) : clock_(clock) {}

  // The ticket itself. kCapacity if too many are out.
  Result<std::string> make(Ticket ticket);
  // Uses it once. kAccessDenied: it's none of this node's, or not any more.
  Result<Ticket> use(std::string_view text);

  static bool is_ticket(std::string_view text);
  std::size_t count() const { return tickets_.size(); }

 private:
  struct Kept {
    std::string digest;
    Ticket ticket;
    MonotonicTime expires_at;
    int uses_left = kMaxUses;
  };
  void forget_expired();

  const Clock& clock_;
  std::map<std::string, Kept, std::less<>> tickets_;  // by id
};

}  // namespace leanto::node
