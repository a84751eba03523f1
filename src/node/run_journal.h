// The runs on disk as the loop sees them. All that is to be written while one commit runs shares
// the next one, so that many submissions cost one sync.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "net/event.h"
#include "net/loop.h"
#include "store/runs.h"

namespace leanto::node {

class RunJournal {
 public:
  RunJournal(net::Loop& loop, RunStore& store) : loop_(loop), store_(store) {}

  // Resumes when what `work` did is synced, or has failed.
  net::Task<Status> commit(std::function<Status(RunStore&)> work);

  // `use` takes a RunStore& and only reads.
  template <typename Use>
  auto read(Use use) {
    auto work = [store = &store_, use = std::move(use)]() mutable { return use(*store); };
    return loop_.in_background(std::move(work));
  }

  std::uint64_t commits() const { return commits_; }

 private:
  struct Entry {
    explicit Entry(net::Loop& loop) : done(loop) {}
    net::Event done;
    Status status;
  };
  struct Batch {
    std::vector<RunStore::Work> works;
    std::vector<std::shared_ptr<Entry>> entries;
  };
  net::Task<> write_batches();

  net::Loop& loop_;
  RunStore& store_;
  std::shared_ptr<Batch> next_;
  bool writing_ = false;
  std::uint64_t commits_ = 0;
};

}  // namespace leanto::node
