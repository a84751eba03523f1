// The ledger as the loop sees it: every use is a task that runs on the background thread.
#pragma once

#include <utility>

#include "net/loop.h"
#include "store/ledger.h"

namespace leanto::node {

class LedgerAccess {
 public:
  LedgerAccess(net::Loop& loop, Ledger& ledger) : loop_(loop), ledger_(ledger) {}

  // `use` takes a Ledger& and returns a value.
  template <typename Use>
  auto with(Use use) {
    auto work = [this, use = std::move(use)]() mutable { return use(ledger_); };
    return loop_.in_background(std::move(work));
  }

 private:
  net::Loop& loop_;
  Ledger& ledger_;
};

}  // namespace leanto::node
