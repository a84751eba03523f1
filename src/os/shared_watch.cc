#include "os/shared_watch.h"

#include <utility>

namespace leanto {

class SharedWatch::Share final : public FileWatch {
 public:
  explicit Share(SharedWatch& shared) : shared_(shared) { shared_.shares_.insert(this); }
  ~Share() override {
    while (!ids_.empty()) remove(*ids_.begin());
    shared_.shares_.erase(this);
  }
  Share(const Share&) = delete;
  Share& operator=(const Share&) = delete;

  Result<WatchId> add(const std::string& directory) override {
    const Result<WatchId> id = shared_.watch_->add(directory);
    if (!id) return id;
    ids_.insert(*id);
    shared_.owners_[*id].insert(this);
    return id;
  }

  void remove(WatchId id) override {
    if (ids_.erase(id) == 0) return;
    const auto owners = shared_.owners_.find(id);
    owners->second.erase(this);
    if (!owners->second.empty()) return;
    shared_.owners_.erase(owners);
    shared_.watch_->remove(id);
  }

  WatchEvents drain() override {
    shared_.distribute();
    return std::exchange(queued_, {});
  }

  void queue(const WatchEvent& event) { queued_.events.push_back(event); }
  void overflow() { queued_.overflow = true; }

 private:
  SharedWatch& shared_;
  std::set<WatchId> ids_;
  WatchEvents queued_;
};

std::unique_ptr<FileWatch> SharedWatch::open() { return std::make_unique<Share>(*this); }

void SharedWatch::distribute() {
  const WatchEvents events = watch_->drain();
  for (const WatchEvent& event : events.events) {
    const auto owners = owners_.find(event.id);
    if (owners == owners_.end()) continue;
    for (Share* share : owners->second) share->queue(event);
  }
  if (!events.overflow) return;
  for (Share* share : shares_) share->overflow();
}

namespace {

class AbsentWatch final : public FileWatch {
 public:
  Result<WatchId> add(const std::string& directory) override {
    return fail(ErrorKind::kCapacity, "watch {}: inotify can't be had here", directory);
  }
  void remove(WatchId) override {}
  WatchEvents drain() override { return {}; }
};

}  // namespace

std::unique_ptr<FileWatch> make_absent_watch() { return std::make_unique<AbsentWatch>(); }

}  // namespace leanto
