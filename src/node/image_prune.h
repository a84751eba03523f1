// Which images may go: a decision from values to values.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "wire/head.h"

namespace leanto::node {

struct ImageRow {
  std::string digest;
  std::string spec;  // {"python", "steps"} as JSON
  std::int64_t size = 0;
  std::int64_t created_at = 0;  // milliseconds since 1970
  std::int64_t used_at = 0;
  bool in_use = false;  // a worker runs in it, or somebody is about to start one

  friend bool operator==(const ImageRow&, const ImageRow&) = default;
};

enum class PruneMode { kPreview, kRemove };

struct PruneWords {
  Duration older_than{};          // since the last use
  std::int64_t larger_than = -1;  // bytes
};

// The words of a request: "older_than" in seconds, "larger_than" in bytes.
Result<PruneWords> parse_prune(const wire::Json& words);
// Those that nobody uses and that match all of the words, in the order given.
std::vector<ImageRow> choose_unused(const std::vector<ImageRow>& images, const PruneWords& words,
                                    std::int64_t now);
wire::Json to_json(const ImageRow& image);

}  // namespace leanto::node
