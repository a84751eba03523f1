// The answers to "images" and "prune_images" as text. Their members, which `--json` prints as they
// are:
//
//   images   [{digest, image: {python, steps}, size, created_at, used_at, in_use}], used last
//   first;
//            `size` in bytes, times in milliseconds since 1970
//   size     of "prune_images": bytes of all that were, or would be, removed
//   dry_run  of "prune_images": whether they are still there
#pragma once

#include <string>

#include "cli/report.h"

namespace leanto::cli {

std::string images_report(const wire::Json& answer, const Screen& screen);
std::string prune_report(const wire::Json& answer, const Screen& screen);

}  // namespace leanto::cli
