#include "os/cgroup.h"

#include <algorithm>
#include <vector>

namespace leanto {
namespace {

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const auto end = std::min(text.find(separator), text.size());
    if (end > 0) parts.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

bool contains(const std::vector<std::string_view>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::string read_or_empty(const KernelFiles& files, const std::string& path) {
  return files.read(path).value_or("");
}

// One line of mountinfo: "36 35 98:0 /root /mount/point options [optional ...] - type source
// options".
struct Mount {
  std::string_view root;
  std::string_view point;
  std::string_view type;
  std::string_view options;
};

std::optional<Mount> parse_mount(std::string_view line) {
  const auto fields = split(line, ' ');
  const auto dash = std::find(fields.begin(), fields.end(), "-");
  if (dash - fields.begin() < 6 || fields.end() - dash < 4) return std::nullopt;
  return Mount{.root = fields[3], .point = fields[4], .type = dash[1], .options = dash[3]};
}

// One line of /proc/self/cgroup: "4:memory,cpu:/path", or "0::/path" for version 2.
struct Membership {
  std::vector<std::string_view> controllers;
  std::string_view path;
};

std::optional<Membership> parse_membership(std::string_view line) {
  const auto first = line.find(':');
  const auto second = line.find(':', first == std::string_view::npos ? first : first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  return Membership{split(line.substr(first + 1, second - first - 1), ','),
                    line.substr(second + 1)};
}

// A controller's name, or "" for the version 2 hierarchy.
std::string_view find_path(const std::vector<Membership>& memberships,
                           std::string_view controller) {
  for (const Membership& membership : memberships) {
    const bool right = controller.empty() ? membership.controllers.empty()
                                          : contains(membership.controllers, controller);
    if (right) return membership.path;
  }
  return "/";
}

// Both are seen from the hierarchy's own root; only a part of it may be mounted here. A path from
// outside the mounted part (another namespace's: "/../x") is treated as its top.
std::string own_directory(const Mount& mount, std::string_view path) {
  const std::string point(mount.point);
  if (mount.root != "/") {
    const bool below = path.starts_with(mount.root) &&
                       (path.size() == mount.root.size() || path[mount.root.size()] == '/');
    if (!below) return point;
    path.remove_prefix(mount.root.size());
  }
  const bool nothing_more = path.empty() || path == "/" || path.starts_with("/..");
  return nothing_more ? point : point + std::string(path);
}

struct Facts {
  const KernelFiles& files;
  std::vector<Mount> mounts;
  std::vector<Membership> memberships;
};

CgroupHome make_home(const Facts& facts, const Mount& mount, CgroupHierarchy hierarchy,
                     std::string_view controller) {
  std::string directory = own_directory(mount, find_path(facts.memberships, controller));
  const bool writable = facts.files.writable(directory);
  return {hierarchy, std::string(mount.point), std::move(directory), writable};
}

std::optional<CgroupHome> find_unified(const Facts& facts) {
  for (const Mount& mount : facts.mounts) {
    if (mount.type == "cgroup2") return make_home(facts, mount, CgroupHierarchy::kV2, "");
  }
  return std::nullopt;
}

// Version 1 first: a controller that it has cannot be in version 2 at the same time.
std::optional<CgroupHome> find_controller(const Facts& facts, const CgroupLayout& layout,
                                          std::string_view controller) {
  for (const Mount& mount : facts.mounts) {
    if (mount.type == "cgroup" && contains(split(mount.options, ','), controller)) {
      return make_home(facts, mount, CgroupHierarchy::kV1, controller);
    }
  }
  if (!layout.unified) return std::nullopt;
  std::string enabled =
      read_or_empty(facts.files, layout.unified->directory + "/cgroup.controllers");
  std::replace(enabled.begin(), enabled.end(), '\n', ' ');
  return contains(split(enabled, ' '), controller) ? layout.unified : std::nullopt;
}

CgroupVersion version_of(const CgroupLayout& layout) {
  const auto& home = layout.memory ? layout.memory : layout.pids;
  if (!home) return CgroupVersion::kNone;
  if (home->hierarchy == CgroupHierarchy::kV2) return CgroupVersion::kV2;
  return layout.unified ? CgroupVersion::kHybrid : CgroupVersion::kV1;
}

}  // namespace

CgroupLayout detect_cgroups(const KernelFiles& files) {
  const std::string mountinfo = read_or_empty(files, "/proc/self/mountinfo");
  const std::string cgroup = read_or_empty(files, "/proc/self/cgroup");
  Facts facts{files, {}, {}};
  for (const std::string_view line : split(mountinfo, '\n')) {
    if (const auto mount = parse_mount(line)) facts.mounts.push_back(*mount);
  }
  for (const std::string_view line : split(cgroup, '\n')) {
    if (auto membership = parse_membership(line)) {
      facts.memberships.push_back(*std::move(membership));
    }
  }
  CgroupLayout layout;
  layout.unified = find_unified(facts);
  layout.memory = find_controller(facts, layout, "memory");
  layout.pids = find_controller(facts, layout, "pids");
  layout.cpu = find_controller(facts, layout, "cpu");
  layout.version = version_of(layout);
  return layout;
}

std::string_view cgroup_version_name(CgroupVersion version) {
  switch (version) {
    case CgroupVersion::kNone:
      return "none";
    case CgroupVersion::kV1:
      return "v1";
    case CgroupVersion::kV2:
      return "v2";
    case CgroupVersion::kHybrid:
      return "hybrid";
  }
  return "none";
}

std::string describe(const CgroupLayout& layout) {
  const auto& home = layout.memory ? layout.memory : layout.pids;
  if (!home) return "cgroups: none; memory limits are watched instead of enforced by the kernel";
  return fmt::format("cgroups: {}, {} ({}), memory: {}, pids: {}",
                     cgroup_version_name(layout.version), home->directory,
                     home->writable ? "writable" : "not writable", layout.memory ? "yes" : "no",
                     layout.pids ? "yes" : "no");
}

}  // namespace leanto
