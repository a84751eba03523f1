// `leanto runs prune`: forgets ended runs over the bounds, or says which those are.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>

namespace leanto::cli {

// `exit_code` becomes what it returned: the callback of `runs` itself runs, too.
void add_runs_prune(CLI::App& runs, const std::shared_ptr<int>& exit_code);

}  // namespace leanto::cli
