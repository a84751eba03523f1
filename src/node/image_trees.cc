#include "node/image_trees.h"

#include <utility>

namespace leanto::node {

using wire::Json;

namespace {

// All of them as one project: few builds run side by side, and their layouts are soon removed.
constexpr const char* kProject = "packages of images";

}  // namespace

Status check_trees(const Json& image) {
  for (const Json& step : image["steps"]) {
    const auto trees = step.find("trees");
    if (trees == step.end()) continue;
    bool right = trees->is_object();
    for (const Json& digest : *trees) {
      right = right && digest.is_string() && Digest::parse(digest.get<std::string>()).has_value();
    }
    if (!right) return fail(ErrorKind::kInvalid, "a directory of an image has no digest");
  }
  return {};
}

net::Task<Status> take_trees(CodeStore& code, Json& image) {
  const auto steps = image.find("steps");
  if (steps == image.end() || !steps->is_array()) co_return Status{};
  for (Json& step : *steps) {
    const auto paths = step.find("trees");
    if (paths == step.end() || !paths->is_array()) continue;
    Json trees = Json::object();
    for (const Json& path : *paths) {
      if (!path.is_string()) continue;
      const std::string root = path.get<std::string>();
      const Result<Snapshot> snapshot = co_await code.snapshot(root);
      if (!snapshot) co_return Failure(snapshot.error());
      trees[root] = snapshot->digest.hex();
    }
    step["trees"] = std::move(trees);
  }
  co_return Status{};
}

std::vector<std::pair<std::string, Digest>> trees_of(const Json& image) {
  std::vector<std::pair<std::string, Digest>> found;
  const auto steps = image.find("steps");
  if (steps == image.end() || !steps->is_array()) return found;
  for (const Json& step : *steps) {
    const auto trees = step.find("trees");
    if (trees == step.end() || !trees->is_object()) continue;
    for (const auto& [path, digest] : trees->items()) {
      if (!digest.is_string()) continue;
      if (const auto parsed = Digest::parse(digest.get<std::string>()))
        found.emplace_back(path, *parsed);
    }
  }
  return found;
}

net::Task<Status> lay_out_trees(CodeStore& code, Json image, LaidOutTrees& trees) {
  for (const Json& step : image["steps"]) {
    for (const Json& hex : step.value("trees", Json::object())) {
      const std::string text = hex.get<std::string>();
      const std::optional<Digest> digest = Digest::parse(text);
      if (!digest || trees.places.contains(text)) continue;
      const Result<Workspace> workspace = co_await code.lay_out(kProject, *digest);
      if (!workspace) co_return Failure(workspace.error());
      trees.workspaces.push_back(workspace->path);
      trees.places[text] = workspace->path;
    }
  }
  co_return Status{};
}

void release_trees(CodeStore& code, const LaidOutTrees& trees) {
  for (const std::string& path : trees.workspaces) code.release(path);
}

}  // namespace leanto::node
