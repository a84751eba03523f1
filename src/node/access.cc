#include "node/access.h"

#include <algorithm>

namespace leanto::node {

Access Access::owner() {
  Access access;
  access.is_owner_ = true;
  access.rights_ = {Right::kCall, Right::kDeploy, Right::kDebug, Right::kAdmin};
  return access;
}

Access Access::with(const Token& token) {
  Access access;
  access.token_ = token.id;
  access.rights_ = token.rights;
  return access;
}

Access Access::with(const Ticket& ticket) {
  Access access;
  access.ticket_ = ticket;
  return access;
}

Status Access::check_value(std::string_view id) const {
  if (!ticket_.value.empty() && id == ticket_.value) return {};
  return fail(ErrorKind::kAccessDenied, "this ticket is for another value");
}

Status Access::check_tree(std::string_view digest) const {
  if (ticket_.tree && digest == ticket_.tree->hex()) return {};
  return fail(ErrorKind::kAccessDenied, "this ticket is for another source tree");
}

Status Access::check(Right needed, std::string_view what) const {
  if (std::find(rights_.begin(), rights_.end(), needed) != rights_.end()) return {};
  if (is_stranger()) {
    return fail(ErrorKind::kAccessDenied, "{} needs a token with the right '{}'", what,
                right_name(needed));
  }
  if (is_ticket()) {
    return fail(ErrorKind::kAccessDenied,
                "{} needs the right '{}', and a ticket is for fetching one value or tree", what,
                right_name(needed));
  }
  return fail(
      ErrorKind::kAccessDenied,
      "{} needs the right '{}', and the token {} gives: {}. On the node's machine: leanto token "
      "create --rights {},{}",
      what, right_name(needed), token_, rights_text(rights_), rights_text(rights_),
      right_name(needed));
}

std::string Access::session_of(const std::string& said) const {
  if (is_ticket()) return "";
  return said.empty() || token_.empty() ? said : token_ + ":" + said;
}

}  // namespace leanto::node
