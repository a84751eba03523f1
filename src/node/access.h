// What whoever is at the other end of a connection may do: everything over the Unix socket; over
// TLS nothing until a token is said, and then what that gives, or a ticket, which is for one value
// or one source tree.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "node/tickets.h"
#include "node/tokens.h"

namespace leanto::node {

class Access {
 public:
  Access() = default;  // a stranger's
  static Access owner();
  static Access stranger() { return {}; }
  static Access with(const Token& token);
  static Access with(const Ticket& ticket);

  // Came over the Unix socket of this machine.
  bool is_owner() const { return is_owner_; }
  // Has said no token yet.
  bool is_stranger() const { return !is_owner_ && token_.empty() && !is_ticket(); }
  // Has no right but to fetch one value or one tree.
  bool is_ticket() const { return !ticket_.value.empty() || ticket_.tree; }
  bool is_for_tree() const { return ticket_.tree.has_value(); }
  // The id of the token; empty for owner and stranger, and with a ticket.
  const std::string& token() const { return token_; }
  const std::vector<Right>& rights() const { return rights_; }

  // kAccessDenied; `what` needs the right: "a call", "the operation stop".
  Status check(Right needed, std::string_view what) const;
  // kAccessDenied, unless it's the value that the ticket is for.
  Status check_value(std::string_view id) const;
  // The same for a tree, by its digest in hexadecimal.
  Status check_tree(std::string_view digest) const;
  // Two clients that say the same session are two if they come with different tokens.
  std::string session_of(const std::string& said) const;

  friend bool operator==(const Access&, const Access&) = default;

 private:
  bool is_owner_ = false;
  std::string token_;
  std::vector<Right> rights_;
  Ticket ticket_;
};

}  // namespace leanto::node
