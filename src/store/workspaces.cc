#include "store/workspaces.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <limits>
#include <optional>
#include <utility>

#include "os/files.h"
#include "store/tree_load.h"
#include "store/workspaces_layout.h"

namespace leanto {

namespace {

constexpr std::string_view kStateHeader = "leanto workspace 1";

struct Recorded {
  std::string state;
  Digest digest;
  std::string project;
};

std::string next_line(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  std::string line(text.substr(0, end));
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

// The project comes last, because its name may hold anything.
std::optional<Recorded> read_state(const std::string& home) {
  const Result<std::string> contents = read_file(home + "/state");
  if (!contents) return std::nullopt;
  std::string_view text = *contents;
  if (next_line(text) != kStateHeader) return std::nullopt;
  Recorded recorded{.state = next_line(text), .digest = {}, .project = {}};
  const std::optional<Digest> digest = Digest::parse(next_line(text));
  if (!digest) return std::nullopt;
  recorded.digest = *digest;
  recorded.project = text;
  return recorded;
}

std::optional<std::uint64_t> parse_number(std::string_view name) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error != std::errc() || end != name.data() + name.size()) return std::nullopt;
  return number;
}

// How many entries a patch touches.
std::uint64_t cost_of(const Tree& from, const Tree& to) {
  std::uint64_t cost = 0;
  for (const TreeChange& change : diff(from, to)) {
    for (const TreeEntry* const entry : {change.before, change.after}) {
      if (entry != nullptr) cost += entry->tree != nullptr ? entry->tree->files() + 1 : 1;
    }
  }
  return cost;
}

}  // namespace

Result<std::unique_ptr<Workspaces>> Workspaces::open(std::string directory, BlobStore& blobs) {
  std::unique_ptr<Workspaces> workspaces(new Workspaces(std::move(directory), blobs));
  if (Status made = make_directories(workspaces->directory_); !made)
    return tl::unexpected(made.error());
  if (Status found = workspaces->find_leftovers(); !found) return tl::unexpected(found.error());
  return workspaces;
}

Status Workspaces::find_leftovers() {
  const Result<UniqueFd> fd = open_at(AT_FDCWD, directory_, O_RDONLY | O_DIRECTORY);
  if (!fd) return tl::unexpected(fd.error());
  Result<std::vector<DirectoryItem>> items = list_directory(fd->get(), directory_);
  if (!items) return tl::unexpected(items.error());
  for (const DirectoryItem& item : *items) take_up_leftover(item.name);
  return {};
}

void Workspaces::take_up_leftover(const std::string& name) {
  const std::optional<std::uint64_t> number = parse_number(name);
  if (number) next_number_ = std::max(next_number_, *number + 1);
  const std::optional<Recorded> recorded = number ? read_state(home_of(*number)) : std::nullopt;
  if (!recorded || recorded->state != "clean") {
    leftovers_.push_back(name);
    return;
  }
  // Nobody has watched it since, so it counts as touched.
  layouts_.push_back({.number = *number,
                      .project = recorded->project,
                      .digest = recorded->digest,
                      .tree = nullptr,
                      .state = State::kTouched,
                      .leases = 0,
                      .last_used = 0});
}

Result<Workspace> Workspaces::acquire(const std::string& project, const TreePtr& tree) {
  const Digest& digest = tree->digest();
  if (Layout* const shared = find(project, digest, State::kInUse)) return use(*shared);
  if (Layout* const ready = find(project, digest, State::kClean)) return use(*ready);
  if (Layout* const spare = find_nearest(project, *tree, State::kClean)) {
    if (patch(*spare, tree)) return use(*spare);
    (void)remove(*spare);
  }
  if (Layout* const touched = find_nearest(project, *tree, State::kTouched)) {
    Status ready = repair(*touched);
    if (ready) ready = patch(*touched, tree);
    if (ready) return use(*touched);
    (void)remove(*touched);
  }
  // What went wrong above may be the old layout's fault; if it isn't, it shows here.
  const Result<Layout*> made = lay_out_new(project, tree);
  if (!made) return tl::unexpected(made.error());
  return use(**made);
}

Result<Workspace> Workspaces::use(Layout& layout) {
  if (layout.state != State::kInUse) {
    if (Status written = write_state(layout, "used"); !written) {
      (void)remove(layout);
      return tl::unexpected(written.error());
    }
  }
  layout.state = State::kInUse;
  layout.leases += 1;
  layout.last_used = ++clock_;
  return Workspace{.path = path_of(layout), .digest = layout.digest};
}

Result<Workspace> Workspaces::adopt(const std::string& path) {
  for (Layout& layout : layouts_) {
    if (layout.state == State::kInUse && path_of(layout) == path) return use(layout);
  }
  for (const std::string& name : leftovers_) {
    const std::optional<std::uint64_t> number = parse_number(name);
    if (!number || home_of(*number) + "/files" != path) continue;
    const std::optional<Recorded> recorded = read_state(home_of(*number));
    if (!recorded || recorded->state != "used") break;
    layouts_.push_back({.number = *number,
                        .project = recorded->project,
                        .digest = recorded->digest,
                        .tree = nullptr,
                        .state = State::kInUse,
                        .leases = 0,
                        .last_used = 0});
    leftovers_.erase(std::find(leftovers_.begin(), leftovers_.end(), name));
    return use(layouts_.back());
  }
  return fail(ErrorKind::kNotFound, "no workspace that was in use at {}", path);
}

void Workspaces::release(const std::string& path) {
  for (Layout& layout : layouts_) {
    if (layout.state != State::kInUse || path_of(layout) != path) continue;
    if (--layout.leases == 0) layout.state = State::kTouched;
    return;
  }
}

Result<Tidied> Workspaces::tidy() {
  Status done;
  if (!leftovers_.empty()) {
    done = remove_tree(directory_ + "/" + leftovers_.back());
    leftovers_.pop_back();  // one that can't be removed is found again after the next restart
  } else if (Layout* const surplus = find_surplus()) {
    done = remove(*surplus);
  } else if (const auto touched =
                 std::find_if(layouts_.begin(), layouts_.end(),
                              [](const Layout& l) { return l.state == State::kTouched; });
             touched != layouts_.end()) {
    if (!repair(*touched)) done = remove(*touched);
  } else if (Layout* const alone = find_without_spare()) {
    done = load(*alone);
    if (done) {
      const Result<Layout*> spare = lay_out_new(alone->project, alone->tree);
      if (!spare) done = tl::unexpected(spare.error());
    }
  } else {
    return Tidied::kNothingLeft;
  }
  if (!done) return tl::unexpected(done.error());
  return Tidied::kMoreToDo;
}

Workspaces::Layout* Workspaces::find(const std::string& project, const Digest& digest,
                                     State state) {
  const auto found = std::find_if(layouts_.begin(), layouts_.end(), [&](const Layout& layout) {
    return layout.state == state && layout.digest == digest && layout.project == project;
  });
  return found == layouts_.end() ? nullptr : &*found;
}

Workspaces::Layout* Workspaces::find_nearest(const std::string& project, const Tree& tree,
                                             State state) {
  Layout* nearest = nullptr;
  std::uint64_t least = std::numeric_limits<std::uint64_t>::max();
  for (Layout& layout : layouts_) {
    if (layout.state != state || layout.project != project || !load(layout)) continue;
    const std::uint64_t cost = cost_of(*layout.tree, tree);
    if (cost >= least) continue;
    least = cost;
    nearest = &layout;
  }
  return nearest;
}

Result<Workspaces::Layout*> Workspaces::lay_out_new(const std::string& project,
                                                    const TreePtr& tree) {
  Layout layout{.number = next_number_++,
                .project = project,
                .digest = tree->digest(),
                .tree = tree,
                .state = State::kClean,
                .leases = 0,
                .last_used = ++clock_};
  Status made = make_directories(home_of(layout.number));
  if (made) made = lay_out(blobs_, path_of(layout), *tree);
  if (made) made = write_state(layout, "clean");
  if (!made) {
    (void)remove_tree(home_of(layout.number));
    return tl::unexpected(made.error());
  }
  layouts_.push_back(std::move(layout));
  return &layouts_.back();
}

Status Workspaces::patch(Layout& layout, const TreePtr& tree) {
  if (layout.digest == tree->digest()) return {};
  if (Status marked = make_unrecognisable(layout); !marked) return marked;
  if (Status patched = patch_layout(blobs_, path_of(layout), *layout.tree, *tree); !patched)
    return patched;
  layout.tree = tree;
  layout.digest = tree->digest();
  return {};
}

Status Workspaces::repair(Layout& layout) {
  if (Status loaded = load(layout); !loaded) return loaded;
  if (Status marked = make_unrecognisable(layout); !marked) return marked;
  if (Status repaired = repair_layout(blobs_, path_of(layout), *layout.tree); !repaired)
    return repaired;
  if (Status written = write_state(layout, "clean"); !written) return written;
  layout.state = State::kClean;
  return {};
}

Status Workspaces::load(Layout& layout) {
  if (layout.tree != nullptr) return {};
  Result<TreePtr> tree = load_tree(blobs_, layout.digest);
  if (!tree) return tl::unexpected(tree.error());
  layout.tree = std::move(*tree);
  return {};
}

Status Workspaces::remove(Layout& layout) {
  const std::string home = home_of(layout.number);
  const std::uint64_t number = layout.number;
  // The state first: a crash in the middle must not leave something that looks whole.
  Status removed = make_unrecognisable(layout);
  if (removed) removed = remove_tree(home);
  layouts_.remove_if([number](const Layout& other) { return other.number == number; });
  return removed;
}

std::string Workspaces::home_of(std::uint64_t number) const {
  return fmt::format("{}/{}", directory_, number);
}

Status Workspaces::write_state(const Layout& layout, std::string_view state) const {
  const std::string text =
      fmt::format("{}\n{}\n{}\n{}", kStateHeader, state, layout.digest.hex(), layout.project);
  return write_file_atomically(home_of(layout.number) + "/state", text);
}

Status Workspaces::make_unrecognisable(const Layout& layout) const {
  const std::string path = home_of(layout.number) + "/state";
  if (::unlink(path.c_str()) == 0 || errno == ENOENT) return {};
  return file_failure(errno, "remove", path);
}

// The idle layout that was used longest ago, of a project that has too many or if all have too
// many.
Workspaces::Layout* Workspaces::find_surplus() {
  Layout* oldest = nullptr;
  std::size_t idle = 0;
  for (Layout& layout : layouts_) {
    if (!is_idle(layout)) continue;
    ++idle;
    const auto of_project = std::count_if(
        layouts_.begin(), layouts_.end(),
        [&](const Layout& other) { return is_idle(other) && other.project == layout.project; });
    if (static_cast<std::size_t>(of_project) > kMaxIdlePerProject &&
        (oldest == nullptr || layout.last_used < oldest->last_used)) {
      oldest = &layout;
    }
  }
  if (oldest != nullptr || idle <= kMaxIdle) return oldest;
  for (Layout& layout : layouts_) {
    if (is_idle(layout) && (oldest == nullptr || layout.last_used < oldest->last_used))
      oldest = &layout;
  }
  return oldest;
}

// The newest layout in use of a project that has no clean one.
Workspaces::Layout* Workspaces::find_without_spare() {
  Layout* newest = nullptr;
  for (Layout& layout : layouts_) {
    if (layout.state != State::kInUse ||
        (newest != nullptr && layout.last_used < newest->last_used))
      continue;
    const bool has_spare = std::any_of(layouts_.begin(), layouts_.end(), [&](const Layout& other) {
      return other.state == State::kClean && other.project == layout.project;
    });
    if (!has_spare) newest = &layout;
  }
  return newest;
}

}  // namespace leanto
