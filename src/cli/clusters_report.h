// What `leanto clusters` and `leanto up` print.
#pragma once

#include <string>

#include "cli/report.h"
#include "wire/head.h"

namespace leanto::cli {

// `clusters` is the answer's list (docs/wire.md, "Clusters").
std::string clusters_report(const wire::Json& clusters, const Screen& screen);
// `said` is the answer to `orphans`: what runs where, and how it's ended.
std::string orphans_report(const wire::Json& said, const Screen& screen);
// `said` is the answer to `cluster_up`: what was up stays as it was, and that is said.
std::string up_report(const wire::Json& said);

}  // namespace leanto::cli
