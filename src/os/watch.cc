#include "os/watch.h"

#include <sys/inotify.h>
#include <sys/vfs.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "os/files.h"

namespace leanto {

namespace {

constexpr std::uint32_t kEvents = IN_CREATE | IN_DELETE | IN_MODIFY | IN_CLOSE_WRITE | IN_ATTRIB |
                                  IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF;
constexpr std::uint32_t kHow = IN_ONLYDIR | IN_DONT_FOLLOW | IN_EXCL_UNLINK;

// The f_type of file systems that other machines can write to; virtiofs says that it is fuse.
constexpr std::array<std::uint32_t, 10> kRemoteFileSystems{
    0x6969,      // nfs
    0x65735546,  // fuse
    0x01021997,  // 9p
    0xFE534D42,  // smb2
    0xFF534D42,  // cifs
    0x00C36400,  // ceph
    0x0BD00BD0,  // lustre
    0x47504653,  // gpfs
    0x5346414F,  // afs
    0x786F4256,  // virtualbox shared folders
};

bool is_remote(const std::string& path) {
  struct statfs raw{};
  if (::statfs(path.c_str(), &raw) != 0) return false;
  const auto type = static_cast<std::uint32_t>(raw.f_type);
  return std::find(kRemoteFileSystems.begin(), kRemoteFileSystems.end(), type) !=
         kRemoteFileSystems.end();
}

class InotifyWatch final : public FileWatch {
 public:
  explicit InotifyWatch(UniqueFd fd) : fd_(std::move(fd)) {}

  Result<WatchId> add(const std::string& directory) override;
  void remove(WatchId id) override { (void)::inotify_rm_watch(fd_.get(), id); }
  WatchEvents drain() override;

 private:
  static void take(const char* from, const char* end, WatchEvents& into);

  UniqueFd fd_;
};

Result<WatchId> InotifyWatch::add(const std::string& directory) {
  if (is_remote(directory)) {
    return fail(ErrorKind::kInvalid, "watch {}: its file system does not report remote writes",
                directory);
  }
  const int id = ::inotify_add_watch(fd_.get(), directory.c_str(), kEvents | kHow);
  if (id >= 0) return id;
  if (errno == ENOSPC) {
    return fail(ErrorKind::kCapacity, "watch {}: fs.inotify.max_user_watches is reached",
                directory);
  }
  return file_failure(errno, "watch", directory);
}

WatchEvents InotifyWatch::drain() {
  WatchEvents all;
  alignas(inotify_event) std::array<char, 64 * 1024> buffer;
  while (true) {
    const ssize_t count = ::read(fd_.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return all;
    take(buffer.data(), buffer.data() + count, all);
  }
}

void InotifyWatch::take(const char* from, const char* end, WatchEvents& into) {
  while (from < end) {
    inotify_event event{};
    std::memcpy(&event, from, sizeof event);
    const char* name = from + sizeof event;
    from = name + event.len;
    if ((event.mask & IN_Q_OVERFLOW) != 0) {
      into.overflow = true;
      continue;
    }
    WatchEvent next{event.wd, event.len > 0 ? std::string(name) : std::string()};
    // Writing a file in portions gives a row of equal events.
    if (into.events.empty() || !(into.events.back() == next))
      into.events.push_back(std::move(next));
  }
}

}  // namespace

Result<std::unique_ptr<FileWatch>> make_file_watch() {
  UniqueFd fd(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (!fd) return file_failure(errno, "start", "inotify (fs.inotify.max_user_instances)");
  return std::make_unique<InotifyWatch>(std::move(fd));
}

Result<WatchId> FakeFileWatch::add(const std::string& directory) {
  if (add_error_ != nullptr) return tl::unexpected(*add_error_);
  const auto found = std::find(directories_.begin(), directories_.end(), directory);
  if (found != directories_.end()) return static_cast<WatchId>(found - directories_.begin());
  directories_.push_back(directory);
  return static_cast<WatchId>(directories_.size() - 1);
}

void FakeFileWatch::remove(WatchId id) { directories_.at(static_cast<std::size_t>(id)).clear(); }

WatchEvents FakeFileWatch::drain() { return std::exchange(queued_, {}); }

void FakeFileWatch::touch(const std::string& directory, const std::string& name) {
  const auto found = std::find(directories_.begin(), directories_.end(), directory);
  if (found == directories_.end()) return;
  queued_.events.push_back({static_cast<WatchId>(found - directories_.begin()), name});
}

std::size_t FakeFileWatch::watching() const {
  return static_cast<std::size_t>(std::count_if(directories_.begin(), directories_.end(),
                                                [](const auto& d) { return !d.empty(); }));
}

}  // namespace leanto
