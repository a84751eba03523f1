// Runs as heads and JSON say them (docs/wire.md, "Runs").
#pragma once

#include "base/result.h"
#include "store/runs.h"
#include "wire/head.h"

namespace leanto::node {

wire::Json run_to_json(const RunRecord& run);
// With its attempts, and the sum or the most of what they have used.
wire::Json run_to_json(const RunRecord& run, const std::vector<RunStore::Attempt>& attempts);
wire::Json to_json(const ExpiredRun& run);
// `bounds`, with what `keep` (ms), `max_count` and `max_size` (bytes) say instead.
Result<RunRetention> parse_bounds(const wire::Json& head, RunRetention bounds);
// From `service`, `status` (names), `since` (ms) and `limit`.
Result<RunFilter> parse_run_filter(const wire::Json& head);

}  // namespace leanto::node
