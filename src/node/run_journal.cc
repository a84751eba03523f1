#include "node/run_journal.h"

namespace leanto::node {

net::Task<Status> RunJournal::commit(std::function<Status(RunStore&)> work) {
  const auto entry = std::make_shared<Entry>(loop_);
  if (!next_) next_ = std::make_shared<Batch>();
  next_->works.push_back({std::move(work), {}});
  next_->entries.push_back(entry);
  if (!std::exchange(writing_, true)) loop_.spawn("write runs", write_batches());
  co_await entry->done.wait();
  co_return entry->status;
}

net::Task<> RunJournal::write_batches() {
  while (next_) {
    const std::shared_ptr<Batch> batch = std::exchange(next_, nullptr);
    auto commit = [batch, store = &store_] {
      store->commit(batch->works);
      return true;
    };
    co_await loop_.in_background(std::move(commit));
    ++commits_;
    for (std::size_t i = 0; i < batch->entries.size(); ++i) {
      batch->entries[i]->status = std::move(batch->works[i].status);
      batch->entries[i]->done.set();
    }
  }
  writing_ = false;
}

}  // namespace leanto::node
