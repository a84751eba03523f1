// The file of what a run writes: records, each a line, that are addressed by their offset in all
// that was ever written.
//
// A file that grows over half its bound becomes `.1`, in place of the one before, so the newest
// part is always there and what is missing is the oldest. A file begins with a line of its own,
// {"base": N}: the offset of its first record.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace leanto {

// Appends whole records, each with its newline.
Status append_run_log(const std::string& path, std::string_view records, std::uint64_t max_bytes);

struct RunLogPiece {
  std::uint64_t offset = 0;  // of the first record
  std::string records;
  std::uint64_t gap = 0;  // bytes before it that were asked for and are not kept any more

  std::uint64_t next() const { return offset + records.size(); }
};
// Whole records from `offset` on, about `max_bytes` of them and at least one if there is one. An
// offset within a record counts as that of the next, one behind the end as the end.
Result<RunLogPiece> read_run_log(const std::string& path, std::uint64_t offset,
                                 std::size_t max_bytes);

// How many bytes were ever written; 0 if there is no file.
Result<std::uint64_t> run_log_size(const std::string& path);

// Cuts off a record that a crash left unfinished.
Status repair_run_log(const std::string& path);

}  // namespace leanto
