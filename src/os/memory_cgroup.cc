#include "os/memory_cgroup.h"

#include <algorithm>
#include <charconv>

namespace leanto {
namespace {

// What the two versions call the same things.
struct FileNames {
  const char* limit;
  const char* current;
  const char* peak;
  const char* events;
};
constexpr FileNames kNamesV1{"/memory.limit_in_bytes", "/memory.usage_in_bytes",
                             "/memory.max_usage_in_bytes", "/memory.oom_control"};
constexpr FileNames kNamesV2{"/memory.max", "/memory.current", "/memory.peak", "/memory.events"};

const FileNames& names_of(CgroupHierarchy hierarchy) {
  return hierarchy == CgroupHierarchy::kV1 ? kNamesV1 : kNamesV2;
}

template <typename T>
std::optional<T> parse_number(std::string_view text) {
  T number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end != text.data() ? std::optional(number) : std::nullopt;
}

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  while (!text.empty()) {
    const auto end = std::min(text.find_first_of(" \n"), text.size());
    if (end > 0) words.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return words;
}

// "oom_kill 1" among the lines.
int find_oom_kills(std::string_view text) {
  const auto words = words_of(text);
  const auto key = std::find(words.begin(), words.end(), "oom_kill");
  if (key == words.end() || key + 1 == words.end()) return 0;
  return parse_number<int>(*(key + 1)).value_or(0);
}

std::vector<pid_t> read_processes(const KernelFiles& files, const std::string& directory) {
  std::vector<pid_t> pids;
  const std::string text = files.read(directory + "/cgroup.procs").value_or("");
  for (const std::string_view word : words_of(text)) {
    if (const auto pid = parse_number<pid_t>(word)) pids.push_back(*pid);
  }
  return pids;
}

class KernelMemoryGroup final : public MemoryGroup {
 public:
  KernelMemoryGroup(CgroupFiles& files, CgroupHierarchy hierarchy, std::string directory)
      : files_(files), hierarchy_(hierarchy), directory_(std::move(directory)) {}

  Status add(pid_t pid) override {
    return files_.write(directory_ + "/cgroup.procs", std::to_string(pid));
  }
  std::vector<pid_t> processes() const override { return read_processes(files_, directory_); }
  GroupMemory read() const override {
    const FileNames& names = names_of(hierarchy_);
    const auto number = [this](const char* name) {
      const auto text = files_.read(directory_ + name);
      return text ? parse_number<std::uint64_t>(*text) : std::nullopt;
    };
    return {number(names.current).value_or(0), number(names.peak),
            find_oom_kills(files_.read(directory_ + names.events).value_or(""))};
  }
  UniqueFd take_oom_event() override {
    if (hierarchy_ == CgroupHierarchy::kV2) return {};
    auto event = files_.open_oom_event(directory_);
    return event ? *std::move(event) : UniqueFd();
  }
  Status remove() override { return files_.remove_directory(directory_); }

 private:
  CgroupFiles& files_;
  const CgroupHierarchy hierarchy_;
  const std::string directory_;
};

class KernelMemoryGroups final : public MemoryGroups {
 public:
  KernelMemoryGroups(CgroupFiles& files, CgroupHierarchy hierarchy, std::string directory)
      : files_(files), hierarchy_(hierarchy), directory_(std::move(directory)) {}
  ~KernelMemoryGroups() override { (void)files_.remove_directory(directory_); }

  Result<std::unique_ptr<MemoryGroup>> make(const std::string& name, std::uint64_t limit) override {
    if (Status prepared = prepare(); !prepared) return Failure(prepared.error());
    const std::string group = directory_ + "/" + name;
    if (Status made = files_.make_directory(group); !made) return Failure(made.error());
    const std::string bytes = std::to_string(limit);
    if (Status set = files_.write(group + names_of(hierarchy_).limit, bytes); !set) {
      (void)files_.remove_directory(group);
      return Failure(set.error());
    }
    // Not on every machine: without swap there is nothing to set, and older kernels lack the rest.
    if (hierarchy_ == CgroupHierarchy::kV1) {
      (void)files_.write(group + "/memory.memsw.limit_in_bytes", bytes);
    } else {
      (void)files_.write(group + "/memory.swap.max", "0");
      (void)files_.write(group + "/memory.oom.group", "1");
    }
    return std::make_unique<KernelMemoryGroup>(files_, hierarchy_, group);
  }
  Result<std::unique_ptr<MemoryGroup>> find(const std::string& name) override {
    auto group = std::make_unique<KernelMemoryGroup>(files_, hierarchy_, directory_ + "/" + name);
    if (group->processes().empty()) return fail(ErrorKind::kNotFound, "there is no {}", name);
    return group;
  }
  std::string directory() const override { return directory_; }
  CgroupHierarchy hierarchy() const override { return hierarchy_; }

 private:
  // Not before it's needed: most nodes never limit a worker, and a killed one leaves no directory.
  Status prepare() {
    if (Status made = files_.make_directory(directory_); !made) return made;
    if (hierarchy_ == CgroupHierarchy::kV1) return {};
    return files_.write(directory_ + "/cgroup.subtree_control", "+memory");
  }

  CgroupFiles& files_;
  const CgroupHierarchy hierarchy_;
  const std::string directory_;
};

bool hands_memory_on(const KernelFiles& files, const std::string& directory) {
  const std::string text = files.read(directory + "/cgroup.subtree_control").value_or("");
  const auto words = words_of(text);
  return std::find(words.begin(), words.end(), "memory") != words.end();
}

// Under version 2: a directory for the groups, whose own parent hands the memory controller on.
Result<std::string> find_place_v2(CgroupFiles& files, const CgroupHome& home,
                                  const std::string& name, pid_t self) {
  const std::string& own = home.directory;
  if (own.size() > home.mount.size()) {
    const std::string above = own.substr(0, own.rfind('/'));
    const bool ours = files.writable(above) && files.writable(above + "/cgroup.procs");
    if (ours && hands_memory_on(files, above)) return above + "/" + name;
  }
  if (!home.writable) return fail(ErrorKind::kAccessDenied, "{} is not writable", own);
  if (hands_memory_on(files, own)) return own + "/" + name;
  if (read_processes(files, own) != std::vector<pid_t>{self}) {
    return fail(ErrorKind::kAccessDenied, "{} has other processes, and {} is not ours", own,
                "the group above it");
  }
  const std::string daemon = own + "/" + name + "-daemon";
  if (Status made = files.make_directory(daemon); !made) return Failure(made.error());
  if (Status moved = files.write(daemon + "/cgroup.procs", std::to_string(self)); !moved)
    return Failure(moved.error());
  if (Status handed = files.write(own + "/cgroup.subtree_control", "+memory"); !handed)
    return Failure(handed.error());
  return own + "/" + name;
}

}  // namespace

Result<std::unique_ptr<MemoryGroups>> open_memory_groups(CgroupFiles& files,
                                                         const CgroupLayout& layout,
                                                         const std::string& name, pid_t self) {
  if (!layout.memory) return fail(ErrorKind::kNotFound, "there is no memory controller here");
  const CgroupHome& home = *layout.memory;
  std::string place = home.directory + "/" + name;
  if (home.hierarchy == CgroupHierarchy::kV2) {
    Result<std::string> found = find_place_v2(files, home, name, self);
    if (!found) return Failure(found.error());
    place = *std::move(found);
  } else if (!home.writable) {
    return fail(ErrorKind::kAccessDenied, "{} is not writable", home.directory);
  }
  return std::make_unique<KernelMemoryGroups>(files, home.hierarchy, std::move(place));
}

void remove_empty_groups(CgroupFiles& files, const std::string& directory) {
  for (const std::string& name : files.directories(directory))
    (void)files.remove_directory(directory + "/" + name);
  (void)files.remove_directory(directory);
}

}  // namespace leanto
