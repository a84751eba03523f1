// Says which entries of a set of directories have changed since it was last asked. Lazy: the kernel
// queues what happens, nothing runs until drain() is called.
//
// What happened before drain() is in its answer: the kernel queues an event in the system call that
// causes it. Two gaps are inotify's own: writes through a shared memory mapping show only when the
// file is closed, and writes through another hard link of a file show under that other name only.
//
// One owner, which alone drains it; not thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"

namespace leanto {

using WatchId = int;

struct WatchEvent {
  WatchId id = -1;
  std::string name;  // the entry of the watched directory; empty: the directory itself

  friend bool operator==(const WatchEvent&, const WatchEvent&) = default;
};

struct WatchEvents {
  std::vector<WatchEvent> events;
  bool overflow = false;  // some events were lost: look at everything again
};

class FileWatch {
 public:
  virtual ~FileWatch() = default;

  // Watches the entries of a directory, not what is below them. The same directory, also under
  // another path, gives the same id. kNotFound: no such directory. kCapacity: the user's watches
  // have run out. kInvalid: a file system whose writes may come from another machine, unseen by
  // this kernel.
  virtual Result<WatchId> add(const std::string& directory) = 0;

  // Events that are queued already may still come; an id is not given out again soon.
  virtual void remove(WatchId id) = 0;

  virtual WatchEvents drain() = 0;
};

// kCapacity if the user has no inotify instance left.
Result<std::unique_ptr<FileWatch>> make_file_watch();

// For tests: watches nothing, says what it is told.
class FakeFileWatch final : public FileWatch {
 public:
  Result<WatchId> add(const std::string& directory) override;
  void remove(WatchId id) override;
  WatchEvents drain() override;

  void touch(const std::string& directory, const std::string& name);  // queues an event
  void overflow() { queued_.overflow = true; }
  void fail_next_adds(Error error) { add_error_ = std::make_unique<Error>(std::move(error)); }
  const std::vector<std::string>& directories() const { return directories_; }
  std::size_t watching() const;

 private:
  std::vector<std::string> directories_;  // by id; empty once removed
  WatchEvents queued_;
  std::unique_ptr<Error> add_error_;
};

}  // namespace leanto
