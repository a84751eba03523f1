// One FileWatch for many owners: a user has few inotify instances (128 by default, which editors
// share), so a daemon takes one for all the trees that it watches.
//
// Each owner sees the events of the directories that it has added, also when trees overlap. When
// events are lost, all owners are told. Like a FileWatch, it's used by one thread.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>

#include "os/watch.h"

namespace leanto {

class SharedWatch {
 public:
  explicit SharedWatch(std::unique_ptr<FileWatch> watch) : watch_(std::move(watch)) {}

  // A watch for one more owner. It must not outlive this object.
  std::unique_ptr<FileWatch> open();

 private:
  class Share;

  void distribute();

  std::unique_ptr<FileWatch> watch_;
  std::set<Share*> shares_;
  std::map<WatchId, std::set<Share*>> owners_;
};

// For where inotify can't be had: refuses every directory with kCapacity, so that whoever wants to
// watch looks for himself.
std::unique_ptr<FileWatch> make_absent_watch();

}  // namespace leanto
