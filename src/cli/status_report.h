// The answer to "status" as text. Its members, which `leanto status --json` prints as they are:
//
//   running          true; false, with nothing but "socket", when there is no node
//   version, pid     of the node's program and process
//   socket, state_directory, config_file   paths; the last need not exist
//   cgroups          which kind limits memory and processes, and where; text for people
//   memory           bytes that the node itself holds (RSS), or null
//   uptime           seconds
//   calls            how many run or wait
//   cpu              seconds of processor time that the node has used
//   services         [{service, version, workers, starting, running, waiting, object?}]
//   workers          [{pid, service, version, calls, leaving, uptime, cpu, memory, object?}]
//   zygotes          [{pid, python, modules, renewing, memory}]
#pragma once

#include <string>
#include <string_view>

#include "cli/report.h"

namespace leanto::cli {

// `program_version` is this program's own: another one than the node's is pointed out.
std::string status_report(const wire::Json& status, std::string_view program_version,
                          const Screen& screen);

}  // namespace leanto::cli
