// Directories whose packages an image installs: `{"pip": [...], "trees": {path: digest}}`. They
// travel as a project does: a snapshot when they are said, a workspace when they are built.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "node/code_store.h"
#include "wire/head.h"

namespace leanto::node {

// kInvalid if the words of an image have trees without a digest.
Status check_trees(const wire::Json& image);

// Takes snapshots of the directories that an image's words name ("trees": [path, ...]) and says
// their digests instead. kSnapshot: a directory can't travel.
net::Task<Status> take_trees(CodeStore& code, wire::Json& image);

// The directories whose snapshots were taken, or came so from another node, and their digests.
std::vector<std::pair<std::string, Digest>> trees_of(const wire::Json& image);

// Where the directories of an image are laid out for a build. Good until release_trees.
struct LaidOutTrees {
  wire::Json places = wire::Json::object();  // digest → directory
  std::vector<std::string> workspaces;
};
net::Task<Status> lay_out_trees(CodeStore& code, wire::Json image, LaidOutTrees& trees);
void release_trees(CodeStore& code, const LaidOutTrees& trees);

}  // namespace leanto::node
