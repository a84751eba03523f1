#include "wire/features.h"

#include <algorithm>

namespace leanto::wire {

namespace {

constexpr std::size_t kMaxNames = 1000;
constexpr std::size_t kMaxShown = 60;

std::vector<std::string> read_names(const Json& head, const char* key) {
  std::vector<std::string> names;
  const auto found = head.find(key);
  if (found == head.end() || !found->is_array()) return names;
  for (const Json& name : *found) {
    if (name.is_string() && names.size() < kMaxNames) names.push_back(name.get<std::string>());
  }
  return names;
}

const std::string* first_lacking(const std::vector<std::string>& needs,
                                 const std::vector<std::string>& features) {
  for (const std::string& need : needs) {
    if (std::find(features.begin(), features.end(), need) == features.end()) return &need;
  }
  return nullptr;
}

std::string shown(std::string_view text) { return valid_utf8(text.substr(0, kMaxShown)); }

std::string version_of(const Features& side) {
  return side.version.empty() ? "of an unknown version" : "leanto " + shown(side.version);
}

}  // namespace

const std::vector<std::string>& own_features() {
  static const std::vector<std::string> kFeatures{"call",  "stream", "link",
                                                  "token", "ticket", "tree_ticket"};
  return kFeatures;
}

void add_features(Json& head, const Features& features) {
  head["version"] = features.version;
  head["features"] = features.features;
  if (!features.needs.empty()) head["needs"] = features.needs;
}

Features read_features(const Json& head) {
  return {find_string(head, "version").value_or(""), read_names(head, "features"),
          read_names(head, "needs")};
}

Status check_features(const Features& ours, const Features& theirs, std::string_view they) {
  if (const std::string* const need = first_lacking(theirs.needs, ours.features)) {
    return fail(
        ErrorKind::kProtocol,
        "{} ({}) needs '{}', which leanto {} can't do: upgrade leanto on the side that says "
        "this",
        they, version_of(theirs), shown(*need), ours.version);
  }
  if (const std::string* const need = first_lacking(ours.needs, theirs.features)) {
    return fail(ErrorKind::kProtocol, "leanto {} needs '{}', which {} ({}) can't do: upgrade {}",
                ours.version, *need, they, version_of(theirs), they);
  }
  return {};
}

}  // namespace leanto::wire
