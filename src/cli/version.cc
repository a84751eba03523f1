// `leanto version`
#include <fmt/format.h>

#include "cli/command.h"
#include "cli/report.h"
#include "wire/frame.h"

namespace leanto::cli {

void add_version(CLI::App& app) {
  CLI::App* command = app.add_subcommand("version", "Print the version");
  command->footer(
      "Example:\n  leanto version --json    # the version, and that of the frames it speaks");
  CLI::Option* json = add_json_flag(*command);
  on_run(*command, [json] {
    if (format_of(json) == Format::kJson) {
      print_json({{"version", kVersion}, {"frames", wire::kFrameVersion}});
    } else {
      fmt::print("leanto {}\n", kVersion);
    }
    return kOk;
  });
}

}  // namespace leanto::cli
