// A command of the owner's on this machine, beside the services: `cluster.run("nvidia-smi")`.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "net/event.h"
#include "os/process.h"
#include "wire/output_records.h"

namespace leanto::node {

using wire::OutputStream;
using CommandOutput = std::function<void(OutputStream stream, std::string_view text)>;

// Runs a command in a process group of its own, without standard input, in the directory that is
// this user's home, and returns when it has ended; what it left running in its group ends with it.
// It's ended after `limit` (kTimeout), or when `wanted` is false: nobody waits for it (kCancelled).
// kNotFound: no such program.
net::Task<Result<ExitStatus>> run_command(net::Loop& loop, std::vector<std::string> words,
                                          Duration limit, std::function<bool()> wanted,
                                          CommandOutput on_output);

}  // namespace leanto::node
