#include "node/memory_limits.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <thread>
#include <utility>

#include "base/digest.h"
#include "net/readable.h"
#include "os/files.h"

namespace leanto::node {

using namespace std::chrono_literals;

namespace {

constexpr int kRemoveAttempts = 100;
constexpr Duration kRemovePause = 10ms;
constexpr int kLooks = 500;
constexpr Duration kLookPause = 10ms;

std::uint64_t measure_quickly(const KernelFiles& files, const std::vector<pid_t>& pids) {
  std::uint64_t sum = 0;
  for (const pid_t pid : pids) {
    const auto memory = process_memory(files, pid, MemoryDetail::kQuick);
    if (memory) sum += memory->rss_bytes;
  }
  return sum;
}

// Without what is shared with the zygote and other workers.
std::uint64_t measure_exactly(const KernelFiles& files, const std::vector<pid_t>& pids) {
  std::uint64_t sum = 0;
  for (const pid_t pid : pids) {
    const auto memory = process_memory(files, pid, MemoryDetail::kWithPss);
    if (memory) sum += memory->pss_bytes.value_or(memory->rss_bytes);
  }
  return sum;
}

// By the worker, so that the next daemon finds it.
std::string group_name(pid_t pid) { return fmt::format("worker-{}", pid); }

void kill_all(const std::vector<pid_t>& pids) {
  for (const pid_t pid : pids) ::kill(pid, SIGKILL);
}

}  // namespace

// A worker in a control group of its own.
class MemoryLimits::Grouped final : public WorkerMemory,
                                    public std::enable_shared_from_this<Grouped> {
 public:
  Grouped(std::unique_ptr<MemoryGroup> group, std::uint64_t limit, std::function<void()> kill)
      : group_(std::move(group)), limit_(limit), kill_(std::move(kill)) {}

  MemoryUse use() const override {
    const GroupMemory memory = group_->read();
    return {limit_, memory.current, memory.peak, memory.oom_kills > 0};
  }
  MemoryGroup& group() { return *group_; }

  // The kernel may have killed a child only; without it the rest makes no sense any more.
  void watch(net::Loop& loop) {
    UniqueFd event = group_->take_oom_event();
    if (!event) return;
    const int fd = event.release();
    auto on_event = [this, fd, &loop] {
      std::uint64_t count = 0;
      while (::read(fd, &count, sizeof count) > 0) continue;
      if (kill_ && !kill_if_exceeded() && !std::exchange(looking_, true))
        loop.spawn("look for a kill", look_again(loop, weak_from_this()));
      return net::Readable::Next::kGoOn;
    };
    event_ = std::make_unique<net::Readable>(loop, fd, on_event);
  }
  void stop_watching() {
    event_.reset();
    kill_ = nullptr;
  }

 private:
  bool kill_if_exceeded() {
    if (!use().exceeded) return false;
    std::exchange(kill_, nullptr)();
    return true;
  }

  // The first version of control groups tells that memory has run out before it counts the kill.
  static net::Task<> look_again(net::Loop& loop, std::weak_ptr<Grouped> group) {
    for (int look = 0; look < kLooks; ++look) {
      co_await loop.sleep(kLookPause);
      const auto self = group.lock();
      if (!self || !self->kill_ || self->kill_if_exceeded()) co_return;
      if (look == kLooks - 1) self->looking_ = false;
    }
  }

  const std::unique_ptr<MemoryGroup> group_;
  const std::uint64_t limit_;
  std::function<void()> kill_;
  std::unique_ptr<net::Readable> event_;
  bool looking_ = false;
};

// A worker whose use is measured.
class MemoryLimits::Watched final : public WorkerMemory {
 public:
  Watched(pid_t pid, std::uint64_t limit, std::function<void()> kill)
      : pid_(pid), members_{pid}, use_{limit, 0, 0, false}, kill_(std::move(kill)) {}

  MemoryUse use() const override { return use_; }
  pid_t pid() const { return pid_; }
  void set_members(std::vector<pid_t> members) { members_ = std::move(members); }

  void measure(const KernelFiles& files) {
    use_.current = measure_quickly(files, members_);
    if (use_.current > use_.limit) use_.current = measure_exactly(files, members_);
    use_.peak = std::max(use_.peak.value_or(0), use_.current);
    if (use_.current <= use_.limit || !kill_) return;
    use_.exceeded = true;
    std::exchange(kill_, nullptr)();
    kill_all(members_);  // also those that have left the process group
  }

 private:
  const pid_t pid_;
  std::vector<pid_t> members_;
  MemoryUse use_;
  std::function<void()> kill_;
};

MemoryLimits::MemoryLimits(Parts parts) : parts_(std::move(parts)) {}

MemoryLimits::~MemoryLimits() {
  for (const auto& memory : grouped_) {
    memory->stop_watching();
    kill_all(memory->group().processes());
  }
  for (int attempt = 0; attempt < kRemoveAttempts && !grouped_.empty(); ++attempt) {
    std::erase_if(grouped_, [](const auto& memory) {
      const Status removed = memory->group().remove();
      return removed || removed.error().kind != ErrorKind::kCapacity;
    });
    if (!grouped_.empty()) std::this_thread::sleep_for(kRemovePause);
  }
}

WorkerMemoryPtr MemoryLimits::hold(pid_t pid, std::uint64_t limit, std::function<void()> kill) {
  if (auto grouped = hold_in_group(pid, limit, kill)) return grouped;
  auto watched = std::make_shared<Watched>(pid, limit, std::move(kill));
  watched_.push_back(watched);
  if (!std::exchange(measuring_, true)) parts_.loop.spawn("measure memory", measure());
  if (!std::exchange(finding_, true)) parts_.loop.spawn("find processes", find_members());
  return watched;
}

WorkerMemoryPtr MemoryLimits::hold_again(pid_t pid, std::uint64_t limit,
                                         std::function<void()> kill) {
  if (parts_.groups) {
    if (auto group = parts_.groups->find(group_name(pid)))
      return watch_group(*std::move(group), limit, std::move(kill));
  }
  return hold(pid, limit, std::move(kill));
}

std::shared_ptr<MemoryLimits::Grouped> MemoryLimits::hold_in_group(pid_t pid, std::uint64_t limit,
                                                                   std::function<void()> kill) {
  if (!parts_.groups) return nullptr;
  Result<std::unique_ptr<MemoryGroup>> group = parts_.groups->make(group_name(pid), limit);
  if (!group) return nullptr;
  if (!(*group)->add(pid)) {
    (void)(*group)->remove();
    return nullptr;
  }
  return watch_group(*std::move(group), limit, std::move(kill));
}

std::shared_ptr<MemoryLimits::Grouped> MemoryLimits::watch_group(std::unique_ptr<MemoryGroup> group,
                                                                 std::uint64_t limit,
                                                                 std::function<void()> kill) {
  auto grouped = std::make_shared<Grouped>(std::move(group), limit, std::move(kill));
  grouped->watch(parts_.loop);
  grouped_.push_back(grouped);
  return grouped;
}

void MemoryLimits::release(const WorkerMemoryPtr& memory) {
  std::erase(watched_, std::dynamic_pointer_cast<Watched>(memory));
  const auto grouped = std::dynamic_pointer_cast<Grouped>(memory);
  if (!grouped) return;
  grouped->stop_watching();
  kill_all(grouped->group().processes());  // what left the worker's process group
  parts_.loop.spawn("remove a control group", remove(grouped));
}

net::Task<> MemoryLimits::remove(std::shared_ptr<Grouped> memory) {
  for (int attempt = 0; attempt < kRemoveAttempts; ++attempt) {
    const Status removed = memory->group().remove();
    if (removed || removed.error().kind != ErrorKind::kCapacity) break;
    co_await parts_.loop.sleep(kRemovePause);
  }
  std::erase(grouped_, memory);
}

net::Task<> MemoryLimits::measure() {
  while (!watched_.empty()) {
    for (const auto& memory : std::vector(watched_)) memory->measure(parts_.files);
    co_await parts_.loop.sleep(parts_.interval);
  }
  measuring_ = false;
}

// Apart from the measuring, so that other background work doesn't delay that: a worker itself is
// measured from its first moment, its children once they have been found.
net::Task<> MemoryLimits::find_members() {
  while (!watched_.empty()) {
    auto list = parts_.list_processes;
    const std::vector<ProcessStat> processes = co_await parts_.loop.in_background(std::move(list));
    for (const auto& memory : watched_) memory->set_members(members_of(processes, memory->pid()));
    co_await parts_.loop.sleep(parts_.interval);
  }
  finding_ = false;
}

std::string MemoryLimits::description() const {
  if (parts_.groups) {
    return fmt::format("by cgroup {} in {}",
                       parts_.groups->hierarchy() == CgroupHierarchy::kV1 ? "v1" : "v2",
                       parts_.groups->directory());
  }
  return fmt::format("watched every {} ms ({})",
                     std::chrono::duration_cast<std::chrono::milliseconds>(parts_.interval).count(),
                     parts_.why_watched);
}

std::vector<pid_t> members_of(const std::vector<ProcessStat>& processes, pid_t worker) {
  std::vector<pid_t> members{worker};
  for (const pid_t pid : descendants(processes, worker)) members.push_back(pid);
  for (const ProcessStat& process : processes) {
    const bool known = std::find(members.begin(), members.end(), process.pid) != members.end();
    if (process.group == worker && !known) members.push_back(process.pid);
  }
  return members;
}

MemoryLimits::Parts make_memory_limits(net::Loop& loop, CgroupFiles& files, LimitBy by,
                                       const std::string& memory_file) {
  MemoryLimits::Parts parts{loop, files, processes, nullptr, "node.toml says so"};
  if (const auto former = read_file(memory_file)) remove_empty_groups(files, *former);
  if (by == LimitBy::kWatching) return parts;
  const std::string name = "leanto-" + Digest::of(memory_file).hex().substr(0, 12);
  auto groups = open_memory_groups(files, detect_cgroups(files), name, ::getpid());
  if (!groups) {
    parts.why_watched = groups.error().message;
    return parts;
  }
  parts.groups = *std::move(groups);
  (void)write_file_atomically(memory_file, parts.groups->directory());
  return parts;
}

}  // namespace leanto::node
