// Which right each operation needs of who came with a token. docs/wire.md has the same table, and a
// test compares both with the operations that there are.
#pragma once

#include <span>
#include <string_view>

#include "node/tokens.h"

namespace leanto::node {

// Whether a ticket is enough for the value, or the tree, that it's for.
enum class ByTicket { kNo, kItsValue, kItsTree };

struct OperationRight {
  std::string_view operation;
  Right right;
  ByTicket by_ticket = ByTicket::kNo;
};

std::span<const OperationRight> operation_rights();
// One that isn't in the table needs `admin`.
Right right_for(std::string_view operation);
ByTicket by_ticket(std::string_view operation);

}  // namespace leanto::node
