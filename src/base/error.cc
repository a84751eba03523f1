#include "base/error.h"

namespace leanto {

const ErrorRow& error_row(ErrorKind kind) {
  for (const ErrorRow& row : kErrorTable) {
    if (row.kind == kind) return row;
  }
  return kErrorTable.front();
}

std::optional<ErrorKind> find_error_kind(std::string_view name) {
  for (const ErrorRow& row : kErrorTable) {
    if (row.name == name) return row.kind;
  }
  return std::nullopt;
}

}  // namespace leanto
