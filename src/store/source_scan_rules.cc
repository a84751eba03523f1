#include "store/source_scan_rules.h"

#include <fcntl.h>

#include <algorithm>
#include <array>

namespace leanto {

namespace {

std::optional<FileStat> find_stat(const std::string& path) {
  const Result<FileStat> stat = stat_path(path);
  return stat ? std::optional(*stat) : std::nullopt;
}

std::string directory_above(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == 0 ? "/" : path.substr(0, slash);
}

// From the directory that holds `.git` down to the root, both included; empty without a repository.
std::vector<std::string> directories_from_repository(const std::string& root) {
  std::vector<std::string> directories{root};
  while (!find_stat(directories.back() + "/.git")) {
    if (directories.back() == "/") return {};
    directories.push_back(directory_above(directories.back()));
  }
  std::reverse(directories.begin(), directories.end());
  return directories;
}

}  // namespace

bool decides_about_others(std::string_view name) {
  return name == kIgnoreFiles[0] || name == kIgnoreFiles[1] || name == "pyvenv.cfg";
}

IgnoreRules read_rules(int directory, const std::vector<DirectoryItem>& items) {
  IgnoreRules rules;
  for (const std::string_view name : kIgnoreFiles) {
    const auto found = std::find_if(items.begin(), items.end(), [&](const DirectoryItem& item) {
      return item.name == name && item.kind == FileKind::kRegular;
    });
    if (found == items.end()) continue;
    const Result<UniqueFd> fd = open_at(directory, found->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    if (!fd) continue;
    const Result<std::string> text = read_fd(fd->get(), found->name);
    if (text) rules.append(IgnoreRules::parse(*text));
  }
  return rules;
}

OuterRules OuterRules::find(const std::string& root) {
  OuterRules outer;
  const std::vector<std::string> directories = directories_from_repository(root);
  for (const std::string& directory : directories) {
    const std::string from_there = root.substr(std::min(root.size(), directory.size() + 1));
    if (directory == directories.front()) outer.add(directory + "/.git/info/exclude", from_there);
    if (directory != root) outer.add(directory + "/.gitignore", from_there);
  }
  return outer;
}

void OuterRules::add(const std::string& file, std::string root_from_there) {
  files_.emplace_back(file, find_stat(file));
  const Result<std::string> text = read_file(file);
  if (!text) return;
  scope_ = IgnoreScope::from_above(scope_, std::move(root_from_there), IgnoreRules::parse(*text));
}

bool OuterRules::is_current() const {
  return std::all_of(files_.begin(), files_.end(),
                     [](const auto& file) { return find_stat(file.first) == file.second; });
}

}  // namespace leanto
