#include "store/source_scan.h"

#include <fcntl.h>

#include <algorithm>
#include <utility>

namespace leanto {

namespace {

std::string join(const std::string& directory, const std::string& name) {
  return directory.empty() ? name : directory + "/" + name;
}

std::pair<std::string, std::string> split(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return {"", path};
  return {path.substr(0, slash), path.substr(slash + 1)};
}

EntryKind kind_of(const FileStat& stat) {
  return stat.is_executable() ? EntryKind::kExecutable : EntryKind::kFile;
}

}  // namespace

SourceScan::SourceScan(std::string root, FileWatch& watch, std::uint64_t most)
    : root_path_(std::move(root)), watch_(watch), most_(most) {}

SourceScan::~SourceScan() { stop_watching(); }

std::string SourceScan::absolute(const std::string& path) const {
  return path.empty() ? root_path_ : root_path_ + "/" + path;
}

Status SourceScan::look_at_everything() {
  if (watching_) (void)watch_.drain();  // what it says is about to be seen anyway
  outer_ = OuterRules::find(root_path_);
  problems_.clear();
  return scan(root_);
}

Status SourceScan::look_at_changes() {
  const WatchEvents events = watch_.drain();
  if (events.overflow) return look_at_everything();
  std::set<std::string> whole;
  Names single;
  collect(events, whole, single);
  // By path and in order, because looking at a directory may replace those below it.
  for (const std::string& path : whole) {
    SourceDirectory* const directory = find_directory(path);
    if (directory == nullptr) continue;
    if (Status scanned = scan(*directory); !scanned) return scanned;
  }
  for (const auto& [path, names] : single) {
    for (const std::string& name : names) {
      if (Status looked = look_at(join(path, name)); !looked) return looked;
    }
  }
  return {};
}

void SourceScan::collect(const WatchEvents& events, std::set<std::string>& whole,
                         Names& single) const {
  for (const WatchEvent& event : events.events) {
    const auto found = watched_.find(event.id);
    if (found == watched_.end() || is_always_ignored(event.name)) continue;
    const SourceDirectory& directory = *found->second;
    if (decides_about_others(event.name) || (event.name.empty() && directory.parent == nullptr)) {
      whole.insert(directory.path);
    } else if (event.name.empty()) {
      single[directory.parent->path].insert(directory.name);
    } else if (!directory.environment) {
      single[directory.path].insert(event.name);
    }
  }
}

Status SourceScan::look_at(const std::string& path) {
  const auto [above, name] = split(path);
  SourceDirectory* const directory = find_directory(above);
  if (directory == nullptr || directory->environment) return {};
  const Result<UniqueFd> fd = open_directory_at(AT_FDCWD, absolute(above));
  if (!fd) return {};  // it has gone in the meantime, which is another event
  problems_.erase(path);
  return check(*directory, fd->get(), name);
}

Status SourceScan::scan(SourceDirectory& directory) {
  const std::string path = absolute(directory.path);
  problems_.erase(directory.path);
  // Watched before it is listed, so that nothing can happen unseen between the two.
  if (!watch(directory)) return {};
  const Result<UniqueFd> fd = open_directory_at(AT_FDCWD, path);
  if (!fd && fd.error().kind == ErrorKind::kNotFound) return {};
  if (!fd) {
    problems_[directory.path] = fd.error().message;
    return {};
  }
  const Result<std::vector<DirectoryItem>> items = list_directory(fd->get(), path);
  if (!items) {
    problems_[directory.path] = items.error().message;
    return {};
  }
  return scan_items(directory, fd->get(), *items);
}

Status SourceScan::scan_items(SourceDirectory& directory, int fd,
                              const std::vector<DirectoryItem>& items) {
  std::set<std::string_view> names;
  for (const DirectoryItem& item : items) names.insert(item.name);
  const bool environment = directory.parent != nullptr && names.contains("pyvenv.cfg");
  if (environment != directory.environment) outdate(directory);
  directory.environment = environment;
  if (environment) {
    forget_everything_in(directory);
    return {};
  }
  const IgnoreScope::Ptr& outer =
      directory.parent == nullptr ? outer_.scope() : directory.parent->scope;
  directory.scope = IgnoreScope::enter(outer, directory.path, read_rules(fd, items));
  std::vector<std::string> gone;
  for (const auto& [name, file] : directory.files) {
    if (!names.contains(name)) gone.push_back(name);
  }
  for (const auto& [name, below] : directory.directories) {
    if (!names.contains(name)) gone.push_back(name);
  }
  for (const std::string& name : gone) forget_entry(directory, name);
  for (const DirectoryItem& item : items) {
    const PathKind kind =
        item.kind == FileKind::kDirectory ? PathKind::kDirectory : PathKind::kFile;
    if (is_always_ignored(item.name) ||
        IgnoreScope::ignores(directory.scope, join(directory.path, item.name), kind)) {
      forget_entry(directory, item.name);  // no need to ask for its stat
    } else if (Status checked = check(directory, fd, item.name); !checked) {
      return checked;
    }
  }
  return {};
}

Status SourceScan::check(SourceDirectory& directory, int fd, const std::string& name) {
  const std::string path = join(directory.path, name);
  const Result<FileStat> stat = stat_at(fd, name);
  const PathKind kind =
      stat && stat->kind == FileKind::kDirectory ? PathKind::kDirectory : PathKind::kFile;
  if (!stat && stat.error().kind != ErrorKind::kNotFound) {
    forget_entry(directory, name);
    problems_[path] = stat.error().message;
    return {};
  }
  if (!stat || is_always_ignored(name) || IgnoreScope::ignores(directory.scope, path, kind)) {
    forget_entry(directory, name);
    return {};
  }
  switch (stat->kind) {
    case FileKind::kDirectory:
      return check_directory(directory, name);
    case FileKind::kRegular:
      check_file(directory, name, *stat);
      break;
    case FileKind::kSymlink:
      check_link(directory, fd, name, *stat);
      break;
    case FileKind::kOther:
      forget_entry(directory, name);
      problems_[path] = "it is a socket, a named pipe or a device, which cannot travel";
  }
  if (files_ > most_) return fail(ErrorKind::kSnapshot, "more than {} files", most_);
  return {};
}

Status SourceScan::check_directory(SourceDirectory& directory, const std::string& name) {
  forget_file(directory, name);
  std::unique_ptr<SourceDirectory>& below = directory.directories[name];
  if (below == nullptr) {
    below = std::make_unique<SourceDirectory>();
    below->parent = &directory;
    below->path = join(directory.path, name);
    below->name = name;
    outdate(directory);
  }
  return scan(*below);
}

void SourceScan::check_file(SourceDirectory& directory, const std::string& name,
                            const FileStat& stat) {
  const auto known = directory.files.find(name);
  const bool is_known = known != directory.files.end() && known->second.kind != EntryKind::kSymlink;
  if (is_known && known->second.stat == stat) return;
  const Digest digest = is_known ? known->second.digest : Digest();
  // The same contents may have been written again: whether the tree changes shows when it is read.
  if (is_known && known->second.kind == kind_of(stat)) {
    bytes_ += stat.size - known->second.stat.size;
    known->second.stat = stat;
  } else {
    set_file(directory, name,
             {.kind = kind_of(stat), .stat = stat, .digest = digest, .target = {}});
  }
  unread_.insert(join(directory.path, name));
}

void SourceScan::check_link(SourceDirectory& directory, int fd, const std::string& name,
                            const FileStat& stat) {
  const Result<std::string> read = read_link_at(fd, name);
  if (!read) return forget_entry(directory, name);
  std::string target = relative_target(directory, *read);
  const auto known = directory.files.find(name);
  if (known != directory.files.end() && known->second.kind == EntryKind::kSymlink &&
      known->second.target == target) {
    return;
  }
  const Digest digest = Digest::of(target);
  FileStat with_size = stat;
  with_size.size = target.size();
  set_file(directory, name,
           {.kind = EntryKind::kSymlink,
            .stat = with_size,
            .digest = digest,
            .target = std::move(target)});
  links_.insert(join(directory.path, name));
}

// An absolute link to something within the root would point at the original from everywhere else.
std::string SourceScan::relative_target(const SourceDirectory& directory,
                                        std::string target) const {
  if (target != root_path_ && !target.starts_with(root_path_ + "/")) return target;
  std::string relative;
  for (const SourceDirectory* at = &directory; at->parent != nullptr; at = at->parent)
    relative += "../";
  relative += target.substr(std::min(target.size(), root_path_.size() + 1));
  while (relative.ends_with('/')) relative.pop_back();
  return relative.empty() ? "." : relative;
}

void SourceScan::set_file(SourceDirectory& directory, const std::string& name, SourceFile file) {
  forget_entry(directory, name);
  files_ += 1;
  bytes_ += file.stat.size;
  directory.files[name] = std::move(file);
  outdate(directory);
}

void SourceScan::read_again(const std::string& path) {
  const SourceFile* const file = find_file(path);
  if (file != nullptr && file->kind != EntryKind::kSymlink) unread_.insert(path);
}

void SourceScan::set_contents(const std::string& path, const Digest& digest, const FileStat& stat) {
  unread_.erase(path);
  SourceFile* const file = find_file(path);
  if (file == nullptr) return;
  if (file->digest != digest || file->kind != kind_of(stat))
    outdate(*find_directory(split(path).first));
  bytes_ += stat.size - file->stat.size;
  file->kind = kind_of(stat);
  file->stat = stat;
  file->digest = digest;
}

// False if the directory isn't there any more.
bool SourceScan::watch(SourceDirectory& directory) {
  if (!watching_) return true;
  const Result<WatchId> id = watch_.add(absolute(directory.path));
  if (!id && id.error().kind == ErrorKind::kNotFound) return false;
  if (!id && id.error().kind == ErrorKind::kAccessDenied) return true;  // reported when it's listed
  if (!id) {
    stop_watching();
    return true;
  }
  if (directory.watch && *directory.watch != *id) {
    const auto old = watched_.find(*directory.watch);
    if (old != watched_.end() && old->second == &directory) {
      watch_.remove(old->first);  // of another directory, which was here before
      watched_.erase(old);
    }
  }
  directory.watch = *id;
  watched_[*id] = &directory;  // it may have had another name until now
  return true;
}

void SourceScan::stop_watching() {
  for (const auto& [id, directory] : watched_) watch_.remove(id);
  watched_.clear();
  watching_ = false;
}

SourceDirectory* SourceScan::find_directory(const std::string& path) {
  SourceDirectory* at = &root_;
  for (std::size_t from = 0; from < path.size() && at != nullptr;) {
    const std::size_t to = std::min(path.find('/', from), path.size());
    const auto below = at->directories.find(std::string_view(path).substr(from, to - from));
    at = below == at->directories.end() ? nullptr : below->second.get();
    from = to + 1;
  }
  return at;
}

SourceFile* SourceScan::find_file(const std::string& path) {
  const auto [above, name] = split(path);
  SourceDirectory* const directory = find_directory(above);
  if (directory == nullptr) return nullptr;
  const auto found = directory->files.find(name);
  return found == directory->files.end() ? nullptr : &found->second;
}

void SourceScan::forget(const std::string& path) {
  const auto [above, name] = split(path);
  if (SourceDirectory* const directory = find_directory(above)) forget_entry(*directory, name);
}

void SourceScan::forget_entry(SourceDirectory& directory, const std::string& name) {
  forget_file(directory, name);
  problems_.erase(join(directory.path, name));
  const auto below = directory.directories.find(name);
  if (below == directory.directories.end()) return;
  SourceDirectory& gone = *below->second;
  forget_everything_in(gone);
  const auto watched = gone.watch ? watched_.find(*gone.watch) : watched_.end();
  if (watched != watched_.end() && watched->second == &gone) {
    watch_.remove(watched->first);
    watched_.erase(watched);
  }
  directory.directories.erase(below);
  outdate(directory);
}

void SourceScan::forget_file(SourceDirectory& directory, const std::string& name) {
  const auto file = directory.files.find(name);
  if (file == directory.files.end()) return;
  const std::string path = join(directory.path, name);
  unread_.erase(path);
  links_.erase(path);
  files_ -= 1;
  bytes_ -= file->second.stat.size;
  directory.files.erase(file);
  outdate(directory);
}

void SourceScan::forget_everything_in(SourceDirectory& directory) {
  while (!directory.files.empty()) {
    forget_file(directory, std::string(directory.files.begin()->first));
  }
  while (!directory.directories.empty()) {
    forget_entry(directory, std::string(directory.directories.begin()->first));
  }
  // Of what never became a file, such as a socket.
  const std::string below = directory.path + "/";
  for (auto at = problems_.lower_bound(below);
       at != problems_.end() && at->first.starts_with(below);) {
    at = problems_.erase(at);
  }
}

void SourceScan::outdate(SourceDirectory& directory) {
  for (SourceDirectory* at = &directory; at != nullptr && (at == &directory || at->tree != nullptr);
       at = at->parent) {
    at->tree.reset();
  }
}

}  // namespace leanto
