// The texts of the queries that read many runs: so that a test can ask SQLite how it goes about
// them.
#pragma once

#include <string>
#include <string_view>

#include "store/run_record.h"

namespace leanto {

// Rows for `read_run` (runs_read.cc); `rest` follows on the name of the table.
std::string select_runs(std::string_view rest);
// ?1: created then or later, ?2: the service or '', ?3: how many.
std::string list_query(const RunFilter& filter);
// ?1: ended before, ?2: how many are kept, ?3: how many bytes.
std::string_view expired_query();

}  // namespace leanto
