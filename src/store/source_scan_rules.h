// Reads the ignore files of a source tree, and those outside of it that git would obey too.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "os/files.h"
#include "store/ignore.h"

namespace leanto {

inline constexpr std::string_view kIgnoreFiles[] = {".gitignore", ".leantoignore"};

// Whether a change of this entry changes what else of its directory travels.
bool decides_about_others(std::string_view name);

// The rules of an open directory whose entries are `items`. An unreadable file gives none: it is
// reported when its turn comes to be read as part of the tree.
IgnoreRules read_rules(int directory, const std::vector<DirectoryItem>& items);

// The rules that reach into a root from outside: `.git/info/exclude`, and the `.gitignore` files of
// the directories above it up to the one that holds `.git`. None where no git repository is around
// the root.
class OuterRules {
 public:
  static OuterRules find(const std::string& root);

  const IgnoreScope::Ptr& scope() const { return scope_; }
  bool is_current() const;  // none of the files was changed, made or removed since find()

 private:
  void add(const std::string& file, std::string root_from_there);

  IgnoreScope::Ptr scope_;
  std::vector<std::pair<std::string, std::optional<FileStat>>> files_;
};

}  // namespace leanto
