// Named features (docs/wire.md, "Features"): how two versions of Leanto find out what both can, and
// which of them must be upgraded if that isn't enough.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "wire/head.h"

namespace leanto::wire {

// What one side says of itself in HELLO and LINK.
struct Features {
  std::string version;                // of leanto
  std::vector<std::string> features;  // what it can do
  std::vector<std::string> needs;     // what the other one must be able to do

  friend bool operator==(const Features&, const Features&) = default;
};

// All that this version of Leanto can do.
const std::vector<std::string>& own_features();

void add_features(Json& head, const Features& features);
// What isn't said is not there: an older side says less.
Features read_features(const Json& head);

// kProtocol if one side needs what the other one lacks: which that is, and who must be upgraded.
// `theirs` is called `they` in the message: "the client", "the node on box".
Status check_features(const Features& ours, const Features& theirs, std::string_view they);

}  // namespace leanto::wire
