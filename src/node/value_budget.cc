#include "node/value_budget.h"

#include "base/byte_size.h"

namespace leanto::node {

namespace {

bool fits(std::uint64_t size, std::uint64_t used, std::uint64_t limit) {
  return size <= limit && used <= limit - size;
}

}  // namespace

Result<ValueBudget::Room> ValueBudget::reserve(std::uint64_t size) {
  if (fits(size, use_.memory, limits_.memory)) {
    use_.memory += size;
    return Room(*this, size, false);
  }
  if (fits(size, use_.disk, limits_.disk)) {
    use_.disk += size;
    return Room(*this, size, true);
  }
  const std::string memory = fmt::format("{} of {} of memory", format_byte_size(use_.memory),
                                         format_byte_size(limits_.memory));
  if (limits_.disk == 0) {
    return fail(ErrorKind::kCapacity,
                "no room for a value of {}: {} for values are in use, and none of the disk may be "
                "used; delete values that are kept, or set more memory, or over_memory = \"disk\", "
                "under [values] in node.toml",
                format_byte_size(size), memory);
  }
  return fail(ErrorKind::kCapacity,
              "no room for a value of {}: {} and {} of {} of disk for values are in use; delete "
              "values that are kept, or set more memory or disk under [values] in node.toml",
              format_byte_size(size), memory, format_byte_size(use_.disk),
              format_byte_size(limits_.disk));
}

ValueBudget::Room::~Room() {
  if (budget_ == nullptr) return;
  (disk_ ? budget_->use_.disk : budget_->use_.memory) -= size_;
}

}  // namespace leanto::node
