// What `leanto runs` and `leanto run` print of runs' records (docs/wire.md, "Runs").
#pragma once

#include <string>
#include <vector>

#include "cli/report.h"
#include "wire/head.h"

namespace leanto::cli {

// `now` is in ms, for those that have not ended.
std::string runs_report(const std::vector<wire::Json>& runs, std::int64_t now,
                        const Screen& screen);
// Of `leanto runs prune`: {"runs", "count", "size", "dry_run"}.
std::string prune_runs_report(const wire::Json& answer, const Screen& screen);
std::string run_report(const wire::Json& run, std::int64_t now);

// The exit code of `leanto wait`: what became of the run.
int exit_code_of(std::string_view status);

}  // namespace leanto::cli
