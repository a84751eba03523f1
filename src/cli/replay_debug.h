// A run's call in a process of this terminal, with a debugger (python/leanto/worker/debug.py).
#pragma once

#include <string>

#include "cli/connection.h"

namespace leanto::cli {

// When the debugger takes over: at an exception, or at the first line already.
enum class Debugging { kOnError, kFromStart };

// Becomes the process that makes the call, so it returns only if that can't be: the exit code.
int replay_here(Connection& node, const std::string& id, Debugging debugging);

}  // namespace leanto::cli
