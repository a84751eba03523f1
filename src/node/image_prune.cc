#include "node/image_prune.h"

#include <chrono>

namespace leanto::node {

using wire::Json;

Result<PruneWords> parse_prune(const Json& words) {
  PruneWords parsed;
  for (const char* key : {"older_than", "larger_than"}) {
    if (!words.contains(key)) continue;
    const auto number = wire::find_number(words, key);
    if (!number || !(*number >= 0 && *number < 1e18)) {
      return fail(ErrorKind::kInvalid, "{} must be a number, of seconds or bytes, from 0 up", key);
    }
    if (std::string_view(key) == "larger_than") {
      parsed.larger_than = static_cast<std::int64_t>(*number);
    } else {
      const std::chrono::duration<double> seconds(std::min(*number, 1e9));
      parsed.older_than = std::chrono::duration_cast<Duration>(seconds);
    }
  }
  return parsed;
}

std::vector<ImageRow> choose_unused(const std::vector<ImageRow>& images, const PruneWords& words,
                                    std::int64_t now) {
  const auto least_age =
      std::chrono::duration_cast<std::chrono::milliseconds>(words.older_than).count();
  std::vector<ImageRow> chosen;
  for (const ImageRow& image : images) {
    const bool matches = now - image.used_at >= least_age && image.size > words.larger_than;
    if (!image.in_use && matches) chosen.push_back(image);
  }
  return chosen;
}

Json to_json(const ImageRow& image) {
  return {{"digest", image.digest},
          {"image", Json::parse(image.spec, nullptr, /*allow_exceptions=*/false)},
          {"size", image.size},
          {"created_at", image.created_at},
          {"used_at", image.used_at},
          {"in_use", image.in_use}};
}

}  // namespace leanto::node
